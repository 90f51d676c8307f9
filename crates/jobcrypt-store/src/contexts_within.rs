use jobcrypt_core::{JobContext, Purpose};

/// What a token may be that is not the args of a job of this kind: an output, an error, or a value of one of these
/// names.
pub(crate) fn contexts_within<'a>(kind: &'a str, values: &'a [String]) -> Vec<JobContext<'a>> {
    let job = JobContext::new(kind);
    let names = values.iter();
    let values = names.map(|name| job.with_purpose(Purpose::VALUE).with_detail(name));
    [Purpose::OUTPUT, Purpose::ERROR]
        .map(|purpose| job.with_purpose(purpose))
        .into_iter()
        .chain(values)
        .collect()
}
