//! The custom section `metadata.code.branch_hint`: which way conditional branches are likely to go.

use wasmparser::{BranchHintSectionReader, KnownCustom};

/// Hints in ascending order.
#[derive(Debug, Default)]
pub struct BranchHints(Vec<Hint>);

#[derive(Debug)]
struct Hint {
    /// The function, imported ones counted, and the offset of the instruction in its body.
    place: (u32, u32),
    taken: bool,
}

impl BranchHints {
    pub(super) const SECTION: &str = "metadata.code.branch_hint";

    /// Those of a custom section, as far as it is well-formed: what is wrong in such a section must not make a
    /// module invalid.
    pub(super) fn read(section: KnownCustom<'_>) -> Self {
        let mut hints = Vec::new();
        if let KnownCustom::BranchHints(section) = section {
            let _ = read_all(section, &mut hints);
        }
        hints.sort_by_key(|hint| hint.place);
        Self(hints)
    }

    /// Is the branch taken, as a rule, that lies `offset` bytes from the start of the body of `function`?
    pub fn taken(&self, function: u32, offset: u32) -> Option<bool> {
        let found = self
            .0
            .binary_search_by_key(&(function, offset), |hint| hint.place);
        found.ok().map(|position| self.0[position].taken)
    }
}

fn read_all(section: BranchHintSectionReader<'_>, to: &mut Vec<Hint>) -> wasmparser::Result<()> {
    for function in section {
        let function = function?;
        for hint in function.hints {
            let hint = hint?;
            to.push(Hint {
                place: (function.func, hint.func_offset),
                taken: hint.taken,
            });
        }
    }
    Ok(())
}
