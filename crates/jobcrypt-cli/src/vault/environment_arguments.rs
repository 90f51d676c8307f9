use clap::Args;
use jobcrypt::vault::{EnvironmentNames, ValuePath};

const NAMES: &str = "Which values, and under what names";

/// How values are called in an environment.
#[derive(Args)]
pub(crate) struct EnvironmentArguments {
    /// What each name begins with: with `MYAPP_`, database.host is `MYAPP_DATABASE_HOST`
    #[arg(long, default_value = "", hide_default_value = true, help_heading = NAMES)]
    prefix: String,

    /// Only the values at and below these paths, separated by commas; may be repeated
    #[arg(long, value_name = "PATH", value_delimiter = ',', help_heading = NAMES)]
    only: Vec<ValuePath>,

    /// Call the value at a path so, without the prefix; may be repeated
    #[arg(long, value_name = "NAME=PATH", value_parser = alias, help_heading = NAMES)]
    name: Vec<(String, ValuePath)>,

    /// Spell values as Python does: `True`, `None`
    #[arg(long, help_heading = NAMES)]
    python_compat: bool,
}

impl EnvironmentArguments {
    pub(crate) fn names(&self) -> EnvironmentNames {
        let mut names = EnvironmentNames::new()
            .prefix(&*self.prefix)
            .python_compat(self.python_compat);
        for path in &self.only {
            names = names.only(path.clone());
        }
        for (name, path) in &self.name {
            names = names.name(name, path.clone());
        }
        names
    }

    /// Whether names or spellings other than those of the vault are asked for.
    pub(crate) fn has_names(&self) -> bool {
        !self.prefix.is_empty() || !self.name.is_empty() || self.python_compat
    }

    /// The paths of `--only`.
    pub(crate) fn only(&self) -> &[ValuePath] {
        &self.only
    }
}

fn alias(text: &str) -> Result<(String, ValuePath), String> {
    let (name, path) = text.split_once('=').ok_or("it is written NAME=PATH")?;
    let path = path.parse().map_err(|error| format!("{error}"))?;
    Ok((name.to_owned(), path))
}
