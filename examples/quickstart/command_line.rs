use std::path::PathBuf;

use clap::Parser;

/// Encrypts jobs on River, rotates the key and stops encrypting: by default on SQLite, in a
/// temporary file
#[derive(Debug, Parser)]
#[command(name = "quickstart")]
pub(crate) struct CommandLine {
    /// Make the SQLite database here and keep it; the file must not exist yet
    #[arg(long, value_name = "PATH", conflicts_with = "postgres")]
    pub(crate) db: Option<PathBuf>,

    /// Run on this PostgreSQL server, in a schema of its own that is dropped at the end
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,

    /// Keep that schema, to look at the rows
    #[arg(long, requires = "postgres")]
    pub(crate) keep: bool,
}
