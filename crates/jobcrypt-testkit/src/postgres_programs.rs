use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Where installers put PostgreSQL besides the PATH: a folder, how the names in it begin, and where
/// the programs are below them.
const PLACES: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),         // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                  // packages of postgresql.org for Fedora and others
    ("/usr/libexec", "postgresql", ""),         // Alpine
    ("/opt/homebrew/opt", "postgresql", "bin"), // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql", "bin"),    // Homebrew on Intel
    ("/opt/local/lib", "postgresql", "bin"),    // MacPorts
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The programs of one PostgreSQL: `initdb`, `postgres` and their like.
#[derive(Clone, Debug)]
pub struct PostgresPrograms {
    version: Vec<u32>,
    folder: PathBuf,
}

impl PostgresPrograms {
    /// Finds the newest PostgreSQL server on this machine, on the PATH or where installers put it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if there is none.
    pub fn find() -> io::Result<Self> {
        folders()
            .into_iter()
            .filter_map(Self::in_folder)
            .max_by(|one, other| one.version.cmp(&other.version))
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "no PostgreSQL server found: install one, or put the folder of initdb and postgres on the PATH",
                )
            })
    }

    /// Returns the folder that holds the programs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what `pg_dump` writes of a database, or of one `schema` of it.
    ///
    /// # Errors
    ///
    /// Whatever `pg_dump` had to say.
    pub fn dump(&self, url: &str, schema: Option<&str>) -> io::Result<Vec<u8>> {
        let mut dump = Command::new(self.folder.join("pg_dump"));
        dump.args(["--dbname", url]);
        if let Some(schema) = schema {
            dump.args(["--schema", schema]);
        }
        let output = dump.output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }

    fn in_folder(folder: PathBuf) -> Option<Self> {
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let version = version_in(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { version, folder })
    }
}

/// Returns each folder once, however many links lead to it.
fn folders() -> BTreeSet<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(PLACES.iter().flat_map(|place| folders_of(*place)))
        // A link to initdb alone says where the others are.
        .filter_map(|folder| {
            Some(
                folder
                    .join("initdb")
                    .canonicalize()
                    .ok()?
                    .parent()?
                    .to_owned(),
            )
        })
        .collect()
}

fn folders_of((place, prefix, below): (&str, &str, &str)) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(below))
        .collect()
}

/// Reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" and "postgres (PostgreSQL) 19beta1".
fn version_in(line: &str) -> Option<Vec<u32>> {
    let word = line
        .strip_prefix("postgres (PostgreSQL) ")?
        .split_whitespace()
        .next()?;
    let end = word
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(word.len());
    word[..end]
        .split('.')
        .map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(version_in(debian), Some(vec![15, 18]));
        assert_eq!(
            version_in("postgres (PostgreSQL) 19beta1\n"),
            Some(vec![19])
        );
        assert_eq!(
            version_in("postgres (PostgreSQL) 9.6.24\n"),
            Some(vec![9, 6, 24])
        );
        assert_eq!(version_in("another program 1.0"), None);
        assert_eq!(version_in(""), None);
    }

    #[test]
    fn newer_versions_are_greater() {
        assert!(vec![18] > vec![17, 9]);
        assert!(vec![15, 18] > vec![15, 9]);
        assert!(vec![10] > vec![9, 6, 24]);
    }
}
