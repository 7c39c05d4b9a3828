//! Sorting: own quicksort and heapsort of integers, the library's stable sort of records.

fn quick(v: &mut [u32]) {
    if v.len() < 2 {
        return;
    }
    let pivot = v[v.len() / 2];
    let (mut i, mut k) = (0, v.len() - 1);
    loop {
        while v[i] < pivot {
            i += 1;
        }
        while v[k] > pivot {
            k -= 1;
        }
        if i >= k {
            break;
        }
        v.swap(i, k);
        i += 1;
        k -= 1;
    }
    let (left, right) = v.split_at_mut(i);
    quick(left);
    quick(right);
}

fn heap(v: &mut [u32]) {
    fn sink(v: &mut [u32], mut i: usize) {
        while 2 * i + 1 < v.len() {
            let mut child = 2 * i + 1;
            if child + 1 < v.len() && v[child + 1] > v[child] {
                child += 1;
            }
            if v[i] >= v[child] {
                return;
            }
            v.swap(i, child);
            i = child;
        }
    }
    for i in (0..v.len() / 2).rev() {
        sink(v, i);
    }
    for end in (1..v.len()).rev() {
        v.swap(0, end);
        sink(&mut v[..end], 0);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut sum = 0u32;
    for _ in 0..4 {
        let a: Vec<u32> = (0..300_000).map(|_| next()).collect();
        let (mut b, mut c) = (a.clone(), a.clone());
        let mut d: Vec<(u32, u32)> = a.iter().map(|x| (x % 1000, *x)).collect();
        quick(&mut b);
        heap(&mut c);
        d.sort_by(|x, y| x.0.cmp(&y.0));
        assert!(b == c);
        sum = sum.wrapping_add(b[1000] ^ d[5000].1 ^ d[299_999].1);
    }
    sum
}
