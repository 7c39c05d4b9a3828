//! f32 and small structures: rays and spheres.

#[derive(Clone, Copy)]
struct V(f32, f32, f32);

impl V {
    fn dot(self, o: V) -> f32 {
        self.0 * o.0 + self.1 * o.1 + self.2 * o.2
    }
    fn plus(self, o: V, by: f32) -> V {
        V(self.0 + o.0 * by, self.1 + o.1 * by, self.2 + o.2 * by)
    }
    fn unit(self) -> V {
        let by = 1.0 / self.dot(self).sqrt();
        V(self.0 * by, self.1 * by, self.2 * by)
    }
}

struct Sphere {
    at: V,
    radius: f32,
}

#[inline(never)]
fn hit(spheres: &[Sphere], from: V, to: V) -> Option<(f32, usize)> {
    let mut best: Option<(f32, usize)> = None;
    for (i, sphere) in spheres.iter().enumerate() {
        let d = from.plus(sphere.at, -1.0);
        let b = d.dot(to);
        let root = b * b - d.dot(d) + sphere.radius * sphere.radius;
        if root > 0.0 {
            let t = -b - root.sqrt();
            if t > 0.001 && best.is_none_or(|(other, _)| t < other) {
                best = Some((t, i));
            }
        }
    }
    best
}

fn trace(spheres: &[Sphere], from: V, to: V, depth: u32) -> f32 {
    match hit(spheres, from, to) {
        Some((t, i)) if depth > 0 => {
            let at = from.plus(to, t);
            let normal = at.plus(spheres[i].at, -1.0).unit();
            let on = to.plus(normal, -2.0 * to.dot(normal));
            0.2 * normal.1.max(0.0) + 0.7 * trace(spheres, at, on.unit(), depth - 1)
        }
        _ => 0.5 + 0.5 * to.1,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = seed | 1;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / 16_777_216.0
    };
    let spheres: Vec<Sphere> = (0..24)
        .map(|_| Sphere {
            at: V(next() * 8.0 - 4.0, next() * 6.0 - 3.0, next() * 6.0 + 4.0),
            radius: next() + 0.2,
        })
        .collect();
    let mut sum = 0u32;
    for y in 0..360 {
        for x in 0..400 {
            let to = V((x - 200) as f32 / 200.0, (y - 180) as f32 / 200.0, 1.0).unit();
            let light = trace(&spheres, V(0.0, 0.0, 0.0), to, 4);
            sum = sum.wrapping_mul(31).wrapping_add((light * 255.0) as u32);
        }
    }
    sum
}
