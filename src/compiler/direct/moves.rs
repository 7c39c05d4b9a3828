//! Moves between registers that are all made at once, in an order in which nothing is written that is still to be read.

/// Where what registers are to have is now.
#[derive(Default)]
pub struct Moves {
    from: [u8; 16],
    /// A bit for each register that is to have something.
    targets: u16,
}

pub enum Step {
    /// To, from.
    Move(u8, u8),
    Exchange(u8, u8),
}

impl Moves {
    pub fn add(&mut self, to: u8, from: usize) {
        self.from[usize::from(to)] = from as u8;
        self.targets |= 1 << to;
    }

    fn targets(&self) -> impl Iterator<Item = u8> + use<> {
        let targets = self.targets;
        (0..16 - targets.leading_zeros() as u8).filter(move |to| targets & 1 << to != 0)
    }

    /// What is to be done next.
    pub fn next(&mut self) -> Option<Step> {
        let mut last = None;
        for to in self.targets() {
            let from = self.from[usize::from(to)];
            if from != to
                && self
                    .targets()
                    .any(|other| self.from[usize::from(other)] == to)
            {
                last = Some((to, from));
                continue;
            }
            self.targets &= !(1 << to);
            if from != to {
                return Some(Step::Move(to, from));
            }
        }
        // Each that is left is wanted by another that is left, so they go round.
        let (to, from) = last?;
        self.targets &= !(1 << to);
        for other in self.from.iter_mut().filter(|other| **other == to) {
            *other = from;
        }
        Some(Step::Exchange(to, from))
    }
}

#[cfg(test)]
mod tests {
    use super::{Moves, Step};

    #[test]
    fn what_all_registers_had_is_where_it_is_wanted() {
        let mut random = 1u64;
        for _ in 0..100_000 {
            let (mut moves, mut wanted) = (Moves::default(), [None; 16]);
            for place in &mut wanted {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                if random >> 63 == 1 {
                    *place = Some((random >> 40) as u8 % 16);
                }
            }
            for (to, from) in wanted.iter().enumerate() {
                if let Some(from) = from {
                    moves.add(to as u8, usize::from(*from));
                }
            }
            let mut registers: Vec<u8> = (0..16).collect();
            while let Some(step) = moves.next() {
                match step {
                    Step::Move(to, from) => {
                        registers[usize::from(to)] = registers[usize::from(from)]
                    }
                    Step::Exchange(to, from) => registers.swap(usize::from(to), usize::from(from)),
                }
            }
            for (to, from) in wanted.iter().enumerate() {
                assert!(from.is_none_or(|from| registers[to] == from));
            }
        }
    }
}
