//! f64 with square roots: planets.

#[derive(Clone, Copy)]
struct Body {
    at: [f64; 3],
    speed: [f64; 3],
    mass: f64,
}

fn step(bodies: &mut [Body; 5], dt: f64) {
    for i in 0..5 {
        for k in i + 1..5 {
            let mut d = [0.0; 3];
            let mut square = 0.0;
            for x in 0..3 {
                d[x] = bodies[i].at[x] - bodies[k].at[x];
                square += d[x] * d[x];
            }
            let force = dt / (square * square.sqrt());
            let (mi, mk) = (bodies[i].mass, bodies[k].mass);
            for x in 0..3 {
                bodies[i].speed[x] -= d[x] * mk * force;
                bodies[k].speed[x] += d[x] * mi * force;
            }
        }
    }
    for body in bodies {
        for x in 0..3 {
            body.at[x] += dt * body.speed[x];
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut bodies: [Body; 5] = std::array::from_fn(|i| {
        let f = (i + 1) as f64;
        Body {
            at: [f * 1.7, -f * 0.9, f * f * 0.1],
            speed: [0.3 / f, 0.5 / f, -0.01 * f],
            mass: if i == 0 { 39.0 } else { 0.01 * f },
        }
    });
    bodies[1].mass += f64::from(seed & 7);
    for _ in 0..2_500_000 {
        step(&mut bodies, 0.001);
    }
    bodies
        .iter()
        .map(|b| b.at[0].to_bits() as u32 ^ (b.at[1].to_bits() >> 32) as u32)
        .fold(0, |a, b| a.rotate_left(5) ^ b)
}
