/// A number of things, by the name of one: `1 job`, `2 jobs`.
pub(crate) fn many(count: u64, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {one}{ending}")
}
