use std::{
    env,
    fmt::{self, Write},
    fs,
    path::Path,
};

use crate::Behaviour;

/// What [`queue_conformance`](crate::queue_conformance) found out about a queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcomes(pub(crate) Vec<(Behaviour, Outcome)>);

/// What was found out about one behaviour of a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The queue cannot do it, for this reason.
    NotPossible(&'static str),
    /// The queue does it.
    Passes,
}

/// The folder where outcomes are written to, if it is set. `cargo xtask test` sets it.
pub(crate) const FOLDER: &str = "JOBCRYPT_QUEUE_OUTCOMES";

impl Outcomes {
    /// Returns what was found out about one behaviour.
    #[must_use]
    pub fn of(&self, behaviour: Behaviour) -> Option<Outcome> {
        let found = self.0.iter().find(|(one, _)| *one == behaviour);
        found.map(|(_, outcome)| *outcome)
    }

    /// Writes them to a file `<queue>.txt` in the folder that the variable `JOBCRYPT_QUEUE_OUTCOMES` names, a line for each
    /// behaviour: the behaviour, a tab, the outcome. Does nothing where the variable is not set.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn record(&self, queue: &str) {
        if let Some(folder) = env::var_os(FOLDER) {
            self.write_to(Path::new(&folder), queue);
        }
    }

    fn write_to(&self, folder: &Path, queue: &str) {
        let mut lines = String::new();
        for (behaviour, outcome) in &self.0 {
            writeln!(lines, "{behaviour}\t{outcome}").expect("text takes text");
        }
        let path = folder.join(format!("{queue}.txt"));
        fs::write(&path, lines).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPossible(reason) => write!(formatter, "not possible: {reason}"),
            Self::Passes => formatter.write_str("passes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_behaviour_is_written() {
        let outcomes = Outcomes(vec![
            (Behaviour::ReadableKinds, Outcome::Passes),
            (Behaviour::Results, Outcome::NotPossible("it keeps none")),
        ]);
        let folder = env::temp_dir();
        let queue = format!("jobcrypt-outcomes-{}", std::process::id());
        outcomes.write_to(&folder, &queue);
        let path = folder.join(format!("{queue}.txt"));
        let written = fs::read_to_string(&path).expect("it was written");
        fs::remove_file(path).expect("it is there");
        assert_eq!(
            written,
            "readable kinds stay readable\tpasses\nresults are sealed\tnot possible: it keeps none\n"
        );
        assert_eq!(outcomes.of(Behaviour::ReadableKinds), Some(Outcome::Passes));
        assert_eq!(outcomes.of(Behaviour::Dump), None);
    }
}
