//! Compared with the validator: every operator with every kind of operands, and random bodies.

use super::*;
use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, OperatorsReader, Parser,
    ValidPayload, Validator, ValidatorResources,
};

const TYPES: [Type; 5] = [I32, I64, F32, F64, V128];

/// Function type n, and function n, results in nothing, or in type n - 1. Then there are some with parameters.
const MODULE: &str = "(module
    (type (func)) (type (func (result i32))) (type (func (result i64))) (type (func (result f32)))
    (type (func (result f64))) (type (func (result v128)))
    (type (func (param i32 i64) (result i64 i32))) (type (func (param i32) (result i32))) (type (func (param funcref)))
    (memory 1) (table 1 funcref)
    (global (mut i32) (i32.const 0)) (global i64 (i64.const 0)) (global (mut funcref) (ref.null func))
    (func (type 0) unreachable) (func (type 1) unreachable) (func (type 2) unreachable) (func (type 3) unreachable)
    (func (type 4) unreachable) (func (type 5) unreachable)
    (func (type 6) unreachable) (func (type 7) unreachable) (func (type 8) unreachable))";

/// Both, with what they know of the module.
struct Both {
    plain: PlainModule,
    resources: ValidatorResources,
    features: WasmFeatures,
}

impl Both {
    fn new() -> Self {
        let bytes = wat::parse_str(MODULE).unwrap();
        let features = crate::module::Features::current().parser;
        let mut validator = Validator::new_with_features(features);
        let mut function = None;
        for payload in Parser::new(0).parse_all(&bytes) {
            if let ValidPayload::Func(one, _) = validator.payload(&payload.unwrap()).unwrap() {
                function = Some(one);
            }
        }
        Self {
            plain: PlainModule::new(&Module::decode(bytes).unwrap()),
            resources: function.unwrap().resources,
            features,
        }
    }

    fn is_valid(&self, ty: u32, body: &[u8]) -> bool {
        let function = FuncToValidate {
            resources: &self.resources,
            index: ty,
            ty,
            features: self.features,
        };
        let mut validator = function.into_validator(FuncValidatorAllocations::default());
        let body = FunctionBody::new(BinaryReader::new_features(body, 0, self.features));
        validator.validate(&body).is_ok()
    }
}

fn constant(ty: Type) -> Vec<u8> {
    match ty {
        I32 => vec![0x41, 0],
        I64 => vec![0x42, 0],
        F32 => [&[0x43][..], &[0; 4]].concat(),
        F64 => [&[0x44][..], &[0; 8]].concat(),
        _ => [&[0xfd, 12][..], &[0; 16]].concat(),
    }
}

/// What may follow an opcode.
fn immediates() -> Vec<Vec<u8>> {
    let mut all = vec![vec![], vec![0; 16], vec![31; 16], vec![32; 16], vec![0, 0]];
    for a in [0, 1, 2, 3, 4, 5, 7, 8, 15, 16] {
        all.push(vec![a]);
        for b in [0, 1, 2, 3, 4, 7, 8, 15, 16] {
            if a < 6 {
                all.push(vec![a, 0, b]);
            }
        }
        all.push(vec![a, 0]);
        all.push(vec![a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        all.push(vec![a, 0xff, 0xff, 0xff, 0xff, 0x1f]);
    }
    for last in [0, 0x01, 0x07, 0x08, 0x10, 0x70, 0x78, 0x7e, 0x7f, 0x80] {
        all.push(vec![0xff, 0xff, 0xff, 0xff, last]);
        all.push([&[0xff; 9][..], &[last]].concat());
    }
    all
}

#[test]
fn every_operator_takes_and_makes_what_the_validator_says() {
    let both = Both::new();
    let mut plain = PlainBodies::of(&both.plain);
    // All but blocks and branches.
    let simple = (0x1a..=0xfbu8).map(|byte| (vec![byte], u32::from(byte)));
    let prefixed = [(0xfc, 0..30u32), (0xfd, 0..300), (0xfe, 0..0x60)];
    let prefixed = prefixed.into_iter().flat_map(|(prefix, range)| {
        range.map(move |n| {
            let opcode = match n {
                0..0x80 => vec![prefix, n as u8],
                _ => vec![prefix, n as u8 | 0x80, (n >> 7) as u8],
            };
            (opcode, u32::from(prefix) << 16 | n)
        })
    });
    // Of up to three types.
    let mut operands: Vec<Vec<Type>> = vec![vec![]];
    for shorter in 0..31 {
        let longer = TYPES.map(|ty| [&operands[shorter][..], &[ty]].concat());
        operands.extend(longer);
    }
    let (mut accepted, immediates) = (0, immediates());
    for (opcode, number) in simple.chain(prefixed) {
        for immediates in &immediates {
            let operator = [&opcode[..], immediates].concat();
            let reader = BinaryReader::new_features(&operator, 0, both.features);
            let mut reader = OperatorsReader::new(reader);
            let operands = match reader.read() {
                Ok(_) if !reader.eof() => continue,
                Ok(_) => &operands[..],
                Err(_) => &operands[..1],
            };
            for operands in operands {
                let operands = operands.iter().flat_map(|ty| constant(*ty));
                let start: Vec<u8> = [0].into_iter().chain(operands).collect();
                let body = [&start[..], &operator, &[0x0b]].concat();
                for ty in 0..6 {
                    let accepts = plain.accept(ty, &body);
                    let valid = both.is_valid(ty, &body);
                    assert!(valid || !accepts, "{body:02x?} is accepted");
                    // References, relaxed vector instructions and the like are left to the validator.
                    let others = match number {
                        0x23 | 0x24 => operator.get(1) == Some(&2),
                        0x1c | 0x25 | 0x26 | 0xc5..0x100 => true,
                        0xfc0008.. => {
                            !matches!(number, 0xfc000a | 0xfc000b | 0xfd0000..0xfd0100 | 0xfe0000..)
                        }
                        _ => false,
                    };
                    assert!(accepts || !valid || others, "{body:02x?} is not accepted");
                    accepted += u32::from(accepts);
                }
            }
        }
    }
    assert!(accepted > 1000, "{accepted}");
}

/// A generator of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn operator(&mut self) -> Vec<u8> {
        let small = self.below(4) as u8;
        let block = self.of(&[0x40, 0x40, 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0, 1, 6, 7, 8]);
        match self.below(24) {
            0 | 1 => vec![self.of(&[0x02, 0x03, 0x04]), block],
            2 | 3 => vec![0x0b],
            4 => vec![0x05],
            5 | 6 => vec![self.of(&[0x0c, 0x0d]), small],
            7 => vec![0x0e, 2, small, self.below(3) as u8, self.below(3) as u8],
            8 => vec![self.of(&[0x00, 0x0f, 0x01])],
            9 => vec![0x10, self.below(9) as u8],
            10 => vec![0x11, self.below(9) as u8, 0],
            11 | 12 => vec![self.of(&[0x1a, 0x1a, 0x1b])],
            13..=15 => vec![self.of(&[0x20, 0x21, 0x22]), small],
            16 => vec![self.of(&[0x23, 0x24]), small],
            17 => vec![self.of(&[0x28, 0x29, 0x36, 0x37]), small, 0],
            18 => vec![self.of(&[0x45, 0x50, 0x6a, 0x7c, 0x92, 0xa0, 0xa7, 0xad])],
            _ => constant(self.of(&TYPES)),
        }
    }
}

#[test]
fn random_bodies_are_accepted_only_if_they_are_valid() {
    let both = Both::new();
    let mut plain = PlainBodies::of(&both.plain);
    let (mut accepted, mut left) = (0, 0);
    for seed in 0..100_000 {
        let random = &mut Random(seed);
        let ty = random.below(9) as u32;
        let mut body = random.of(&[vec![0], vec![1, 2, I32], vec![2, 1, I64, 1, V128]]);
        // Operators that may be there, until the body ends.
        for _ in 0..random.below(200) {
            let operator = random.operator();
            let longer = [&body[..], &operator].concat();
            let ends = plain.accept(ty, &longer);
            let more = [&longer[..], &[0x01]].concat();
            let mut rest = Code(&more);
            // Nothing is wrong but that there is no end.
            if ends || plain.body(ty, &mut rest).is_none() && rest.0.is_empty() {
                body = longer;
            }
            if ends {
                break;
            }
        }
        for change in 0..4 {
            let mut body = body.clone();
            if change > 0 {
                let at = random.below(body.len());
                body[at] = random.of(&[0x0b, 0x40, 0x7f, 0, 1, 2, 0x0d, 0x1a, 0x41, body[at] ^ 1]);
            }
            let accepts = plain.accept(ty, &body);
            let valid = both.is_valid(ty, &body);
            assert!(valid || !accepts, "seed {seed}: {body:02x?} is accepted");
            accepted += u32::from(accepts);
            left += u32::from(valid && !accepts);
        }
    }
    assert!(
        accepted > 20_000 && left < accepted / 100,
        "{accepted} are accepted, {left} valid ones left"
    );
}
