//! Allocation: binary trees made and dropped.

struct Tree(Option<(Box<Tree>, Box<Tree>)>);

fn make(depth: u32) -> Tree {
    Tree((depth > 0).then(|| (Box::new(make(depth - 1)), Box::new(make(depth - 1)))))
}

fn count(tree: &Tree) -> u32 {
    tree.0.as_ref().map_or(1, |(a, b)| 1 + count(a) + count(b))
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let kept = make(14);
    let mut sum = seed;
    for i in 0..90 {
        sum = sum.wrapping_mul(31).wrapping_add(count(&make(10 + i % 6)));
    }
    sum ^ count(&kept)
}
