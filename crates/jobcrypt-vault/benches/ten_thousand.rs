//! How long a vault of 10,000 values takes: `cargo bench -p jobcrypt-vault`. It prints milliseconds, and fails above the
//! limit.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
use jobcrypt_core::{Key, Keyring, SecretKey};
use jobcrypt_vault::{Value, ValuePath, Vault, VaultForm, VaultOptions};

const VALUES: usize = 10_000;
/// What opening a vault and reading one value of it may take.
const LIMIT: Duration = Duration::from_millis(50);
const ROUNDS: usize = 31;

fn main() -> Result<(), Box<dyn Error>> {
    let services = (0..VALUES / 10).map(|service| {
        let names = (0..10).map(|name| {
            (
                format!("secret_{name}"),
                Value::from("s3cret!P@ss-s3cret!P@ss"),
            )
        });
        Ok((format!("service-{service}"), Value::object(names)?))
    });
    let services = services.collect::<Result<Vec<_>, jobcrypt_vault::VaultError>>()?;
    let values = Value::object(services)?;
    let key = || SecretKey::generate().map(XChaCha20Poly1305::new);
    measure("own format", &Vault::options(keyring(key()?)?), &values)?;
    let fernet = Fernet::new(SecretKey::generate()?);
    let seed = Vault::options(keyring(fernet)?).form(VaultForm::Fernet);
    measure("seed's format", &seed, &values)
}

fn keyring(key: impl Into<Key>) -> Result<Keyring, jobcrypt_core::Error> {
    Keyring::new(key).build()
}

fn measure(name: &str, options: &VaultOptions, values: &Value) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials.vault");
    let path: ValuePath = "service-500.secret_5".parse()?;
    let created = timed(1, || options.create(&file, values).map(drop))?;
    let one = timed(ROUNDS, || options.open(&file)?.get(&path).map(drop))?;
    let all = timed(ROUNDS, || {
        options.open(&file)?.get(&ValuePath::root()).map(drop)
    })?;
    let mut round = 0;
    let set = timed(ROUNDS, || {
        round += 1;
        let value = Value::from(&*round.to_string());
        options.update(&file, |vault| vault.set(&path, &value).map(drop))
    })?;
    let size = std::fs::metadata(&file)?.len();
    println!(
        "{name}, {VALUES} values, {size} bytes: create {created:.1?}, open and read one {one:.1?}, open and read all {all:.1?}, \
         set one and save {set:.1?} (median)"
    );
    if one > LIMIT {
        return Err(format!("opening and reading one value took longer than {LIMIT:?}").into());
    }
    Ok(())
}

/// Returns the median of so many rounds.
fn timed<E>(rounds: usize, mut run: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begin = Instant::now();
        run()?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times[rounds / 2])
}
