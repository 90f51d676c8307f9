use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
};

/// Shows every region of memory that this process can write to, with its line in `/proc/self/maps`.
pub(crate) fn for_each_region(mut show: impl FnMut(&str, &mut [u8])) -> io::Result<()> {
    let mut memory = File::open("/proc/self/mem")?;
    // One buffer for all regions, which the caller wipes after each.
    let mut bytes: Vec<u8> = Vec::with_capacity(256 << 20);
    for region in fs::read_to_string("/proc/self/maps")?.lines() {
        let Some((begin, end)) = writable(region) else {
            continue;
        };
        // All but the buffer, which would be found in itself.
        let own = bytes.as_ptr() as u64;
        let behind_own = own + bytes.capacity() as u64;
        for (begin, end) in [(begin, end.min(own)), (begin.max(behind_own), end)] {
            let length = usize::try_from(end.saturating_sub(begin)).map_err(io::Error::other)?;
            assert!(
                length <= bytes.capacity(),
                "a region is larger than the buffer"
            );
            bytes.resize(length, 0);
            memory.seek(SeekFrom::Start(begin))?;
            memory.read_exact(&mut bytes)?;
            show(region, &mut bytes);
        }
    }
    Ok(())
}

/// Returns the bounds of a region, given its line, if it can be written to.
fn writable(region: &str) -> Option<(u64, u64)> {
    let mut words = region.split_ascii_whitespace();
    let (begin, end) = words.next()?.split_once('-')?;
    let is_writable = words.next()?.starts_with("rw");
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some((hex(begin)?, hex(end)?)).filter(|_| is_writable)
}
