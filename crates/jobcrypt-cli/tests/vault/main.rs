//! `jobcrypt vault`, as someone uses it who has read its help, or has a pipeline use it.

mod commands;
mod consumers;
mod crowd;
mod damaged;
mod edit;
mod exec;
mod full_disk;
mod git;
mod killed;
mod mistakes;
mod pipelines;
mod seed;
mod workbench;
