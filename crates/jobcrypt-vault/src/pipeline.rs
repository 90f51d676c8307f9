use std::{env, fmt};

/// Who runs this process: the job of a CI system, or somebody at a terminal.
///
/// ```
/// use jobcrypt_vault::Pipeline;
///
/// let pipeline = Pipeline::of(|name| match name {
///     "GITHUB_RUN_ID" => Some("1658821493".to_owned()),
///     "GITHUB_ACTOR" => Some("ada".to_owned()),
///     _ => None,
/// });
/// assert_eq!(pipeline.to_string(), "github:1658821493");
/// assert_eq!(pipeline.actor(), Some("ada"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pipeline {
    system: &'static str,
    id: Option<String>,
    actor: Option<String>,
}

/// A CI system, the variables of which the first that is set holds the id of the run, and those of who began it.
const SYSTEMS: [(&str, &[&str], &[&str]); 5] = [
    ("github", &["GITHUB_RUN_ID"], &["GITHUB_ACTOR"]),
    ("gitlab", &["CI_PIPELINE_ID"], &["GITLAB_USER_LOGIN"]),
    (
        "buildkite",
        &["BUILDKITE_BUILD_ID"],
        &["BUILDKITE_BUILD_CREATOR"],
    ),
    (
        "circleci",
        &["CIRCLE_WORKFLOW_ID", "CIRCLE_BUILD_NUM"],
        &["CIRCLE_USERNAME"],
    ),
    // Last, since others set BUILD_ID too.
    ("jenkins", &["BUILD_TAG", "BUILD_ID"], &["BUILD_USER_ID"]),
];

/// Longer ids are cut, in characters: they come from the environment, and stand in each audit line.
const LONGEST: usize = 200;

impl Pipeline {
    /// Looks into the environment of this process.
    #[must_use]
    pub fn detect() -> Self {
        Self::of(|name| env::var(name).ok())
    }

    /// Looks at what `variable` returns: the run of GitHub Actions, GitLab, Buildkite, CircleCI or Jenkins; where there
    /// is none, `local`.
    #[must_use]
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variable(name));
            let value = values.find(|value| !value.is_empty())?;
            Some(value.chars().take(LONGEST).collect())
        };
        for (system, ids, actors) in SYSTEMS {
            if let Some(id) = first(ids) {
                return Self {
                    system,
                    id: Some(id),
                    actor: first(actors),
                };
            }
        }
        Self {
            system: "local",
            id: None,
            actor: first(&["USER", "LOGNAME"]),
        }
    }

    /// Returns the name of the system: `github`, `gitlab`, `jenkins`, `buildkite`, `circleci` or `local`.
    #[must_use]
    pub fn system(&self) -> &'static str {
        self.system
    }

    /// Returns the id of the run; none at a terminal.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns who began the run, as the environment says.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }
}

/// `github:1658821493`, or `local`.
impl fmt::Display for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.system)?;
        match &self.id {
            Some(id) => write!(formatter, ":{id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> String {
        Pipeline::of(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
        .to_string()
    }

    #[test]
    fn each_system_is_known_by_the_id_of_its_run() {
        assert_eq!(of(&[("CI_PIPELINE_ID", "7"), ("CI", "true")]), "gitlab:7");
        assert_eq!(of(&[("BUILDKITE_BUILD_ID", "a-b")]), "buildkite:a-b");
        assert_eq!(of(&[("CIRCLE_WORKFLOW_ID", "c")]), "circleci:c");
        assert_eq!(of(&[("CIRCLE_BUILD_NUM", "12")]), "circleci:12");
        assert_eq!(
            of(&[("BUILD_ID", "5"), ("BUILD_TAG", "jenkins-x-5")]),
            "jenkins:jenkins-x-5"
        );
        assert_eq!(of(&[("GITHUB_RUN_ID", ""), ("USER", "ada")]), "local");
    }

    #[test]
    fn an_id_without_an_end_is_cut() {
        let cut = of(&[("BUILD_ID", &"é".repeat(500))]);
        assert_eq!(cut.chars().count(), "jenkins:".len() + 200);
    }
}
