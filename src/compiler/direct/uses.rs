//! How often a function uses its locals, for [`super::register`]: told by a quick look at its operators, which reads no more of
//! them than where the next one begins.

use crate::module::Code;

/// What is looked for.
#[derive(Default)]
pub struct Uses {
    /// Of each local; what is in loops counts for more.
    pub locals: Vec<u32>,
    /// Of calls, of functions or of the runtime, counted in the same way.
    pub calls: u32,
    /// Are there blocks that get exceptions?
    pub catches: bool,
    /// Is there an access of memory?
    pub accesses: bool,
}

/// To set a local counts for as many uses: what an instruction reads from the frame costs little, but what a round of a loop
/// hands on to the next there, that waits for it.
const SET: u32 = 2;
/// A use in a loop counts for as many outside, by a power of two.
const LOOP: u32 = 3;
/// Loops in one another that count.
const MAX_DEPTH: u32 = 5;

/// What follows an opcode.
#[derive(Clone, Copy)]
enum Form {
    Unknown,
    Plain,
    /// A number; two.
    Number,
    Numbers,
    Access,
    Bytes(usize),
    Local,
    Call,
    Calls,
    Block,
    Loop,
    Try,
    TryTable,
    BrTable,
    Select,
    End,
    Misc,
    Vector,
    Atomic,
}

const FORMS: [Form; 256] = {
    use Form::*;
    let mut forms = [Unknown; 256];
    let runs: [(usize, usize, Form); 40] = [
        (0x00, 0x01, Plain),    // unreachable, nop
        (0x02, 0x02, Block),    // block
        (0x03, 0x03, Loop),     // loop
        (0x04, 0x04, Block),    // if
        (0x05, 0x05, Plain),    // else
        (0x06, 0x06, Try),      // try
        (0x07, 0x07, Number),   // catch
        (0x08, 0x09, Call),     // throw, rethrow
        (0x0a, 0x0a, Plain),    // throw_ref
        (0x0b, 0x0b, End),      // end
        (0x0c, 0x0d, Number),   // br, br_if
        (0x0e, 0x0e, BrTable),  // br_table
        (0x0f, 0x0f, Plain),    // return
        (0x10, 0x10, Call),     // call
        (0x11, 0x11, Calls),    // call_indirect
        (0x12, 0x12, Number),   // return_call
        (0x13, 0x13, Numbers),  // return_call_indirect
        (0x14, 0x14, Call),     // call_ref
        (0x15, 0x15, Number),   // return_call_ref
        (0x18, 0x18, Number),   // delegate
        (0x19, 0x1b, Plain),    // catch_all, drop, select
        (0x1c, 0x1c, Select),   // select with a type
        (0x1f, 0x1f, TryTable), // try_table
        (0x20, 0x22, Local),    // local.get, local.set, local.tee
        (0x23, 0x26, Number),   // global.get, global.set, table.get, table.set
        (0x28, 0x3e, Access),   // loads and stores
        (0x3f, 0x3f, Number),   // memory.size
        (0x40, 0x40, Call),     // memory.grow
        (0x41, 0x42, Number),   // i32.const, i64.const
        (0x43, 0x43, Bytes(4)), // f32.const
        (0x44, 0x44, Bytes(8)), // f64.const
        (0x45, 0xc4, Plain),    // numbers
        (0xd0, 0xd0, Number),   // ref.null
        (0xd1, 0xd1, Plain),    // ref.is_null
        (0xd2, 0xd2, Number),   // ref.func
        (0xd4, 0xd4, Plain),    // ref.as_non_null
        (0xd5, 0xd6, Number),   // br_on_null, br_on_non_null
        (0xfc, 0xfc, Misc),     //
        (0xfd, 0xfd, Vector),   //
        (0xfe, 0xfe, Atomic),   //
    ];
    let mut run = 0;
    while run < runs.len() {
        let (mut opcode, last, form) = runs[run];
        while opcode <= last {
            forms[opcode] = form;
            opcode += 1;
        }
        run += 1;
    }
    forms
};

const LOCAL_GET: u8 = 0x20;

impl Uses {
    /// Reads operators, those of a valid body with so many locals. `None` if there is one that is not known here.
    pub fn read(operators: &[u8], locals: usize) -> Option<Self> {
        let mut uses = Self {
            locals: vec![0; locals],
            ..Self::default()
        };
        let mut code = Code(operators);
        // For each open block: is it a loop?
        let mut blocks: Vec<bool> = Vec::new();
        let mut depth = 0;
        let mut weight = 1u32;
        let call = |uses: &mut Self, weight| uses.calls = uses.calls.saturating_add(weight);
        while !code.0.is_empty() {
            let opcode = code.byte()?;
            match FORMS[usize::from(opcode)] {
                Form::Unknown => return None,
                Form::Plain => {}
                Form::Local => {
                    let local = uses.locals.get_mut(code.u32()? as usize)?;
                    let weight = match opcode {
                        LOCAL_GET => weight,
                        _ => weight * SET,
                    };
                    *local = local.saturating_add(weight);
                }
                Form::Number => code.number()?,
                Form::Numbers => {
                    code.number()?;
                    code.number()?;
                }
                Form::Access => access(&mut uses, &mut code)?,
                Form::Bytes(count) => code.skip(count)?,
                Form::Block => {
                    value_type(&mut code)?;
                    blocks.push(false);
                }
                Form::Loop => {
                    value_type(&mut code)?;
                    blocks.push(true);
                    depth += 1;
                    weight = 1 << (LOOP * depth.min(MAX_DEPTH));
                }
                Form::End => {
                    if blocks.pop() == Some(true) {
                        depth -= 1;
                        weight = 1 << (LOOP * depth.min(MAX_DEPTH));
                    }
                }
                Form::Call => {
                    code.number()?;
                    call(&mut uses, weight);
                }
                Form::Calls => {
                    code.number()?;
                    code.number()?;
                    call(&mut uses, weight);
                }
                Form::Try => {
                    value_type(&mut code)?;
                    blocks.push(false);
                    uses.catches = true;
                }
                Form::TryTable => {
                    value_type(&mut code)?;
                    for _ in 0..code.u32()? {
                        // `catch` and `catch_ref` have a tag.
                        if code.byte()? < 2 {
                            code.number()?;
                        }
                        code.number()?;
                    }
                    blocks.push(false);
                    uses.catches = true;
                }
                Form::BrTable => {
                    for _ in 0..=code.u32()? {
                        code.number()?;
                    }
                }
                Form::Select => {
                    for _ in 0..code.u32()? {
                        value_type(&mut code)?;
                    }
                }
                Form::Misc => {
                    let operator = code.u32()?;
                    let numbers = match operator {
                        // Conversions that saturate.
                        0..=7 => 0,
                        // memory.init, memory.copy, table.init, table.copy
                        8 | 10 | 12 | 14 => 2,
                        9 | 11 | 13 | 15..=17 => 1,
                        _ => return None,
                    };
                    for _ in 0..numbers {
                        code.number()?;
                    }
                    if (8..=15).contains(&operator) || operator == 17 {
                        call(&mut uses, weight);
                    }
                }
                Form::Vector => match code.u32()? {
                    0..=11 | 92 | 93 => access(&mut uses, &mut code)?,
                    // v128.const, i8x16.shuffle
                    12 | 13 => code.skip(16)?,
                    // Lanes.
                    21..=34 => code.skip(1)?,
                    84..=91 => {
                        access(&mut uses, &mut code)?;
                        code.skip(1)?;
                    }
                    _ => {}
                },
                Form::Atomic => {
                    match code.u32()? {
                        // atomic.fence
                        3 => code.skip(1)?,
                        _ => access(&mut uses, &mut code)?,
                    }
                    call(&mut uses, weight);
                }
            }
        }
        Some(uses)
    }
}

/// Alignment, the memory's index if it says that there is one, and offset.
fn access(uses: &mut Uses, code: &mut Code<'_>) -> Option<()> {
    uses.accesses = true;
    if code.u32()? & 0x40 != 0 {
        code.number()?;
    }
    code.number()
}

/// The type of a value, or of a block.
fn value_type(code: &mut Code<'_>) -> Option<()> {
    match code.byte()? {
        // A reference to what a number says.
        0x63 | 0x64 => code.number(),
        0..0x80 => Some(()),
        _ => code.number(),
    }
}
