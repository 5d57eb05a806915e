//! Which fragments follow from the parts that were read: Gaussian elimination over GF(2), so that every part counts that says
//! something new, not only one from which a fragment falls out at once.

/// Equations between fragments, kept in reduced form: each has a fragment that stands in no other.
#[derive(Clone, Debug)]
pub struct Solver {
    count: usize,
    /// By its own fragment.
    rows: Vec<Option<Row>>,
    rank: usize,
}

#[derive(Clone, Debug)]
struct Row {
    /// A bit for each fragment that is in the sum.
    mask: Vec<u64>,
    sum: Vec<u8>,
}

/// What a part did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It said something new.
    News,
    /// It followed from what was known.
    Known,
    /// It contradicts what was known: somebody else's part has the same length and checksum.
    Contradiction,
}

impl Solver {
    /// For `count` fragments.
    pub fn new(count: usize) -> Self {
        Self { count, rows: vec![None; count], rank: 0 }
    }

    /// How many different things are known; the message is whole at the number of its fragments.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Whether every fragment follows.
    pub fn is_whole(&self) -> bool {
        self.rank == self.count
    }

    /// Which fragments are known by themselves.
    pub fn known(&self) -> Vec<bool> {
        let single = |row: &Row| row.mask.iter().map(|word| word.count_ones()).sum::<u32>() == 1;
        self.rows.iter().map(|row| row.as_ref().is_some_and(single)).collect()
    }

    /// Takes in the sum of `fragments`. All sums must have the same length.
    pub fn add(&mut self, fragments: &[usize], sum: &[u8]) -> Added {
        let mut new = Row { mask: vec![0; self.count.div_ceil(64)], sum: sum.to_vec() };
        for fragment in fragments {
            new.mask[fragment / 64] ^= 1 << (fragment % 64);
        }
        for fragment in 0..self.count {
            if new.has(fragment)
                && let Some(row) = &self.rows[fragment]
            {
                new.add(row);
            }
        }
        let Some(own) = (0..self.count).find(|fragment| new.has(*fragment)) else {
            return if new.sum.iter().all(|byte| *byte == 0) { Added::Known } else { Added::Contradiction };
        };
        for row in self.rows.iter_mut().flatten().filter(|row| row.has(own)) {
            row.add(&new);
        }
        self.rows[own] = Some(new);
        self.rank += 1;
        Added::News
    }

    /// The fragments one after the other, once all are known.
    pub fn message(&self) -> Option<Vec<u8>> {
        let rows = self.rows.iter().map(|row| row.as_ref().map(|row| row.sum.as_slice()));
        rows.collect::<Option<Vec<_>>>().map(|sums| sums.concat())
    }
}

impl Row {
    fn has(&self, fragment: usize) -> bool {
        self.mask[fragment / 64] >> (fragment % 64) & 1 == 1
    }

    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.mask.iter_mut().zip(&other.mask) {
            *mine ^= theirs;
        }
        for (mine, theirs) in self.sum.iter_mut().zip(&other.sum) {
            *mine ^= theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_without_a_single_fragment_are_solved_where_peeling_is_stuck() {
        // a^b, b^c, a^b^c: no part is one fragment, and there is no part to begin peeling with.
        let mut solver = Solver::new(3);
        assert_eq!(solver.add(&[0, 1], &[1 ^ 2]), Added::News);
        assert_eq!(solver.add(&[1, 2], &[2 ^ 4]), Added::News);
        assert_eq!(solver.add(&[0, 2], &[1 ^ 4]), Added::Known);
        assert_eq!(solver.message(), None);
        assert_eq!(solver.add(&[0, 1, 2], &[1 ^ 2 ^ 4]), Added::News);
        assert!(solver.is_whole());
        assert_eq!(solver.known(), [true; 3]);
        assert_eq!(solver.message(), Some(vec![1, 2, 4]));
    }

    #[test]
    fn a_contradiction_is_seen_before_the_end() {
        let mut solver = Solver::new(3);
        solver.add(&[0], &[1]);
        solver.add(&[1], &[2]);
        assert_eq!(solver.add(&[0, 1], &[9]), Added::Contradiction);
        assert_eq!(solver.known(), [true, true, false]);
        assert_eq!(solver.rank(), 2);
    }
}
