use std::{env, fs, io, process::Command, thread};

/// What the figures were taken on.
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) system: String,
    pub(crate) rust: String,
    pub(crate) commit: String,
}

impl Machine {
    pub(crate) fn look_at() -> io::Result<Self> {
        let cores = thread::available_parallelism()?;
        Ok(Self {
            date: said("date", &["+%Y-%m-%d"])?,
            processor: format!("{}, {cores} cores", processor()),
            system: system()?,
            rust: said("rustc", &["--version"])?,
            commit: said("git", &["describe", "--always", "--dirty=, changed"])
                .unwrap_or_else(|_| "outside of git".to_owned()),
        })
    }
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    line.and_then(|line| line.split_once(':')).map_or_else(
        || env::consts::ARCH.to_owned(),
        |(_, name)| name.trim().to_owned(),
    )
}

/// The name and version of the kernel, without what a distribution adds.
fn system() -> io::Result<String> {
    let release = said("uname", &["-r"])?;
    let version = release.split('-').next().unwrap_or_default();
    Ok(format!(
        "{} {version}, {}",
        said("uname", &["-s"])?,
        env::consts::ARCH
    ))
}

fn said(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{program} failed")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
