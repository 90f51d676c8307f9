/// How many rows to read next: as many as were asked for, unless rows are so long that a page of them
/// would fill the memory.
pub(crate) struct PageSize {
    most: u32,
    next: u32,
}

/// The first page shows how long rows are.
const FIRST: u32 = 32;
const BYTES: usize = 8 << 20;

impl PageSize {
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self {
            most,
            next: most.min(FIRST),
        }
    }

    pub(crate) const fn next(&self) -> u32 {
        self.next
    }

    /// Grows no faster than twofold, and at once shrinks to what rows of that length allow.
    pub(crate) fn met_row_of(&mut self, longest: usize) {
        let fitting = u32::try_from(BYTES / longest.max(1)).unwrap_or(u32::MAX);
        self.next = (self.next.saturating_mul(2))
            .min(fitting)
            .clamp(1, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_to_what_was_asked_for_and_shrink_before_long_rows() {
        let mut size = PageSize::new(500);
        let mut sizes = Vec::new();
        for longest in [1024, 1024, 1024, 1024, 1024, 100 << 20, 1024] {
            sizes.push(size.next());
            size.met_row_of(longest);
        }
        assert_eq!(sizes, [32, 64, 128, 256, 500, 500, 1]);
        assert_eq!(size.next(), 2);
    }
}
