//! `jobcrypt vault`, as someone uses it who has read its help, or has a pipeline use it.

mod commands;
mod consumers;
mod edit;
mod exec;
mod git;
mod pipelines;
mod seed;
mod workbench;
