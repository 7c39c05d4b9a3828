//! Indirect calls: trait objects of twelve classes, unpredictable.

trait Shape {
    fn area(&self) -> f64;
    fn grow(&mut self, by: f64) -> u32;
}

macro_rules! shapes {
    ($($name:ident: $area:expr, $grow:expr;)*) => {
        $(struct $name { a: f64, n: u32 }
        impl Shape for $name {
            fn area(&self) -> f64 { ($area)(self.a) }
            fn grow(&mut self, by: f64) -> u32 { self.a = ($grow)(self.a, by); self.n += 1; self.n }
        })*
        fn shape(kind: usize, a: f64) -> Box<dyn Shape> {
            let makers: &[fn(f64) -> Box<dyn Shape>] = &[$(|a| Box::new($name { a, n: 0 })),*];
            makers[kind % makers.len()](a)
        }
    };
}
shapes! {
    Square: |a: f64| a * a, |a: f64, b: f64| a + b;
    Circle: |a: f64| a * a * 3.1415, |a: f64, b: f64| a + b * 0.5;
    Triangle: |a: f64| a * a * 0.5, |a: f64, b: f64| a - b;
    Line: |_: f64| 0.0, |a: f64, b: f64| a + b * 2.0;
    Hexagon: |a: f64| a * a * 2.598, |a: f64, b: f64| a * 0.5 + b;
    Ring: |a: f64| a * a - 1.0, |a: f64, _: f64| a;
    Cube: |a: f64| 6.0 * a * a, |a: f64, b: f64| a + b * b;
    Sphere: |a: f64| 4.0 * a * a, |a: f64, b: f64| a * 0.9 + b;
    Cone: |a: f64| a * 3.0, |a: f64, b: f64| a + 0.1 * b;
    Plane: |a: f64| a + 1.0, |a: f64, b: f64| a - 0.1 * b;
    Dot: |_: f64| 1.0, |_: f64, b: f64| b;
    Star: |a: f64| a * a * 1.123, |a: f64, b: f64| a * 0.99 + b;
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = seed | 1;
    let mut shapes: Vec<Box<dyn Shape>> = (0..1000)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            shape((x >> 20) as usize, f64::from(x >> 28))
        })
        .collect();
    let (mut sum, mut count) = (0.0, 0u32);
    for round in 0..18_000 {
        for shape in &mut shapes {
            count = count.wrapping_add(shape.grow(f64::from(round & 3)));
            sum += shape.area();
            if sum > 1e9 {
                sum -= 1e9;
            }
        }
    }
    sum as u32 ^ count
}
