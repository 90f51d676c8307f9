create table if not exists job (
    id bigint generated always as identity primary key,
    kind text not null,
    args jsonb not null,
    due timestamptz not null default now(),
    -- Why it is held aside, if it is.
    parked text
);
create index if not exists job_due on job (due, id) where parked is null;
