use std::{collections::BTreeMap, fmt, process::Command};

use zeroize::Zeroizing;

use crate::{Segment, Value, ValueKind, ValuePath, Vault, VaultError, python};

/// How the values of a vault are called in an environment: a prefix, and the path in upper case with `_` between its names.
///
/// So `api_keys.stripe` is `MYAPP_API_KEYS_STRIPE` with the prefix `MYAPP_`: the whole path, as the seed's code has it.
///
/// ```
/// # use jobcrypt_core::{Keyring, SecretKey};
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// # use jobcrypt_vault::{Value, Vault};
/// use jobcrypt_vault::EnvironmentNames;
///
/// # let options = Vault::options(Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?);
/// let vault = options.make(&Value::from_json(r#"{"database": {"port": 5432, "tls": true}}"#)?)?;
/// let environment = vault.inject(&EnvironmentNames::new().prefix("MYAPP_"))?;
/// assert_eq!(environment.get("MYAPP_DATABASE_PORT"), Some("5432"));
/// assert_eq!(environment.get("MYAPP_DATABASE_TLS"), Some("true"));
///
/// let mut command = std::process::Command::new("printenv");
/// environment.set_on(&mut command);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "names name nothing by themselves"]
pub struct EnvironmentNames {
    prefix: String,
    only: Vec<ValuePath>,
    aliases: Vec<(String, ValuePath)>,
    is_python: bool,
}

/// Variables of an environment, by name; their values are wiped when dropped.
#[derive(Default)]
pub struct Environment(BTreeMap<String, Variable>);

struct Variable {
    path: ValuePath,
    text: Zeroizing<String>,
}

impl EnvironmentNames {
    /// Begins with no prefix and all values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts this before each name, as it is.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Takes the values at and below this path only; may be called for several.
    pub fn only(mut self, path: ValuePath) -> Self {
        self.only.push(path);
        self
    }

    /// Calls the value at this path `name`, without the prefix, and not as the rule would.
    pub fn name(mut self, name: impl Into<String>, path: ValuePath) -> Self {
        self.aliases.push((name.into(), path));
        self
    }

    /// Spells values as Python's `str` does: `True`, `None`, `['a', 'b']`. Unless set, they are spelled as JSON: `true`,
    /// `null`, `["a","b"]`.
    pub fn python_compat(mut self, is_python: bool) -> Self {
        self.is_python = is_python;
        self
    }

    /// Returns the name of each path by the rule or by its alias, checked.
    fn of(&self, vault: &Vault) -> Result<BTreeMap<String, ValuePath>, VaultError> {
        let mut paths = Vec::new();
        if self.only.is_empty() {
            paths = vault.list(&ValuePath::root())?;
        }
        for path in &self.only {
            if path.split().1.is_empty() {
                paths.extend(vault.list(path)?);
            } else {
                paths.push(path.clone());
            }
        }
        let has_alias = |path: &ValuePath| self.aliases.iter().any(|(_, aliased)| aliased == path);
        paths.retain(|path| !has_alias(path));
        paths.sort();
        paths.dedup();
        let mut names = BTreeMap::new();
        let by_rule = paths.into_iter().map(|path| (self.by_rule(&path), path));
        for (name, path) in by_rule.chain(self.aliases.iter().cloned()) {
            check_name(&name, &path)?;
            if let Some(other) = names.insert(name.clone(), path.clone()) {
                return Err(VaultError::VariableCollision {
                    path: path.to_string(),
                    other: other.to_string(),
                    variable: name,
                });
            }
        }
        Ok(names)
    }

    fn by_rule(&self, path: &ValuePath) -> String {
        let names: Vec<_> = path
            .segments()
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => name.to_uppercase(),
                Segment::Index(index) => index.to_string(),
            })
            .collect();
        format!("{}{}", self.prefix, names.join("_"))
    }

    fn spelled(&self, value: &Value) -> Zeroizing<String> {
        if self.is_python {
            python::str_of(value)
        } else {
            value.to_text()
        }
    }
}

impl Vault {
    /// Returns the values as variables of an environment. The names are checked before any value is released; an object of
    /// nothing is no variable.
    ///
    /// # Errors
    ///
    /// [`VaultError::VariableCollision`] names two paths that would be one variable; [`VaultError::BadVariable`] a name that
    /// no shell takes, or a value with a NUL in it; and those of [`get`](Self::get).
    pub fn inject(&self, names: &EnvironmentNames) -> Result<Environment, VaultError> {
        let mut variables = BTreeMap::new();
        let mut paths = names.of(self)?;
        // All at once is one audit record and one pass.
        let mut released = if names.only.is_empty() && names.aliases.is_empty() {
            self.release_all(&ValuePath::root())?
        } else {
            BTreeMap::new()
        };
        while let Some((name, path)) = paths.pop_first() {
            let value = match released.remove(&path) {
                Some(value) => value,
                None => self.get(&path)?,
            };
            if value.kind() == ValueKind::Object && value.is_empty_object() {
                continue;
            }
            let text = names.spelled(&value);
            if text.contains('\0') {
                return Err(bad(
                    &path,
                    &name,
                    "and its value holds a NUL, which no variable can",
                ));
            }
            variables.insert(name, Variable { path, text });
        }
        Ok(Environment(variables))
    }
}

impl Environment {
    /// Returns the value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|variable| &**variable.text)
    }

    /// Returns names and values, sorted by name.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, variable)| (name.as_str(), variable.text.as_str()))
    }

    /// Returns the path that a variable comes from.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&ValuePath> {
        self.0.get(name).map(|variable| &variable.path)
    }

    /// Sets the variables for a command. The environment of this process stays as it is: changing that is not safe while
    /// other threads read it.
    pub fn set_on(&self, command: &mut Command) {
        command.envs(self.iter());
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A name that each shell can read.
fn check_name(name: &str, path: &ValuePath) -> Result<(), VaultError> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_well = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    if begins_well && name.bytes().all(is_letter) {
        return Ok(());
    }
    let why = "which no shell can read: letters without accents, digits and _ are allowed, and no digit in front";
    Err(bad(path, name, why))
}

fn bad(path: &ValuePath, name: &str, why: &'static str) -> VaultError {
    VaultError::BadVariable {
        path: path.to_string(),
        variable: name.to_owned(),
        why,
    }
}
