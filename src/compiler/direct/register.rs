//! Locals in registers, those that are used most, for the whole function.
//!
//! Some registers callees keep: what is in them is saved where the function begins, for the caller. The others, which
//! nobody keeps, are *lent*: before a call what is in them is written to the locals' places in the frame, and read from there
//! afterwards. So they are worth it where calls are rare, or only made outside of loops. What no local has is for operands,
//! until the next call or the next place where control flow joins.
//!
//! All locals are in the frame as well while an exception may come out of a call, and where a better form of the
//! function takes over.

use super::Direct;
use super::frame::{INTEGER_PARAMS, is_float};
use super::operand::{Operand, R8, R9, R12, R13, RBX, RDI, RDX, RSI};
use super::uses::Uses;
use super::variable::Home;
use crate::module::ValType;
use dynasmrt::{DynasmApi, dynasm};

/// Callees keep these.
pub const KEPT: [u8; 3] = [RBX, R12, R13];
/// Lent to locals or operands.
const LENT: [u8; 3] = [RSI, RDI, R8];
/// The same for floats and vectors.
const LENT_FLOATS: [u8; 7] = [8, 9, 10, 11, 12, 13, 14];
/// Only for operands.
const OPERANDS: [Operand; 5] = [
    Operand::register(RDX),
    Operand::register(R9),
    Operand::Float(5),
    Operand::Float(6),
    Operand::Float(7),
];
/// What a kept register costs where the function begins and ends, in uses.
const KEEPING: u32 = 3;
/// What a lent register costs at a call, in uses.
const LENDING: u32 = 2;

/// A bit for each register: xmm registers are in the high half.
type Set = u32;

fn set(operand: Operand) -> Set {
    match operand {
        Operand::Register(number) => 1 << number,
        Operand::Float(number) => 1 << (16 + number),
        _ => 0,
    }
}

/// A local that has a register.
#[derive(Clone, Copy)]
struct Resident {
    /// [`Operand::Register`] or [`Operand::Float`].
    register: Operand,
    /// Its place in the frame.
    word: usize,
    ty: ValType,
    is_kept: bool,
}

/// Who has which register.
#[derive(Default)]
pub struct Registers {
    residents: Vec<Resident>,
    /// Of locals that nobody keeps.
    lent: Set,
    /// What is above 32 bits is zero there: those of i32 locals, and some of operands.
    narrow: Set,
    /// For operands.
    free: Set,
    /// Of those, what is taken; what is so until the next operator only.
    taken: Set,
    released: Set,
    /// Are lent ones in the frame, and nowhere else?
    away: bool,
    /// Callees' registers that are saved.
    pub kept: Vec<u8>,
}

impl Registers {
    /// At the start of an operator.
    pub fn next(&mut self) {
        self.taken &= !self.released;
        self.released = 0;
        self.away = false;
    }

    /// The operand was popped.
    pub fn release(&mut self, operand: Operand) {
        self.released |= set(operand);
    }

    /// All operands are in the frame.
    pub fn release_all(&mut self) {
        self.taken = 0;
    }

    /// What callees do not keep is only in the frame from here on.
    pub fn go_away(&mut self) {
        self.away = true;
    }

    /// Is what is above 32 bits zero?
    pub fn is_narrow(&self, operand: Operand) -> bool {
        self.narrow & set(operand) != 0 && !self.away
    }

    /// Where an operand is now.
    #[inline(always)]
    pub fn now(&self, operand: Operand) -> Operand {
        match self.away {
            true => self.in_frame(operand),
            false => operand,
        }
    }

    /// Where an operand is while lent registers are away.
    fn in_frame(&self, operand: Operand) -> Operand {
        let resident = self.residents.iter();
        let mut resident = resident.filter(|r| r.register == operand && !r.is_kept);
        resident.next().map_or(operand, |r| Operand::Local(r.word))
    }

    /// A register of the same kind for what is in rax or xmm0, or in one that a local has.
    fn take(&mut self, like: Operand) -> Option<Operand> {
        if self.away {
            return None;
        }
        let of_kind = match like {
            Operand::Register(_) => 0xffff,
            Operand::Float(_) => 0xffff_0000,
            _ => return None,
        };
        let number = (self.free & !self.taken & of_kind).trailing_zeros();
        let operand = match number {
            32 => return None,
            0..16 => Operand::Register(number as usize),
            _ => Operand::Float(number as usize - 16),
        };
        self.taken |= set(operand);
        Some(operand)
    }
}

impl Direct<'_> {
    /// Gives registers to locals.
    pub fn assign(&mut self, uses: Option<&Uses>) {
        let mut free = LENT.map(Operand::register).to_vec();
        free.extend(OPERANDS);
        free.extend(LENT_FLOATS.map(Operand::float));
        self.registers.free = free.into_iter().map(set).sum();
        let Some(uses) = uses else {
            self.registers.kept = KEPT.to_vec();
            return;
        };
        let (mut integers, mut floats) = (Vec::new(), Vec::new());
        for (index, (local, uses)) in self.locals.iter().zip(&uses.locals).enumerate() {
            match local.ty {
                _ if *uses == 0 => {}
                ValType::I32 | ValType::I64 => integers.push((*uses, index)),
                ValType::F32 | ValType::F64 | ValType::V128 => floats.push((*uses, index)),
                _ => {}
            }
        }
        let lending = uses.calls.saturating_mul(LENDING);
        let worth_lending = |(uses, _): &(u32, usize)| *uses > lending;
        let worth_keeping = |(uses, _): &(u32, usize)| *uses > KEEPING;
        integers.sort_unstable_by(|a, b| b.cmp(a));
        floats.sort_unstable_by(|a, b| b.cmp(a));
        // What costs nothing first.
        let (lent, kept) = if uses.calls == 0 {
            let lent = integers.len().min(LENT.len());
            let (lent, rest) = integers.split_at(lent);
            (lent, rest)
        } else {
            let kept = integers.len().min(KEPT.len());
            let (kept, rest) = integers.split_at(kept);
            (rest, kept)
        };
        let kept = kept.iter().take_while(|local| worth_keeping(local));
        for ((_, index), register) in kept.zip(KEPT) {
            self.settle_in(*index, Operand::register(register));
            self.registers.kept.push(register);
        }
        if uses.catches {
            // What callees that were thrown out of have not given back is given back from the frame.
            self.registers.kept = KEPT.to_vec();
        }
        let lent = lent.iter().take_while(|local| worth_lending(local));
        let mut rest = Vec::new();
        for (_, index) in lent.take(LENT.len()) {
            // A parameter stays where it comes.
            match self.incoming(*index).filter(|own| LENT.contains(own)) {
                Some(own) => self.settle_in(*index, Operand::register(own)),
                None => rest.push(*index),
            }
        }
        for index in rest {
            let free = LENT
                .map(Operand::register)
                .into_iter()
                .find(|r| self.registers.free & set(*r) != 0);
            if let Some(register) = free {
                self.settle_in(index, register);
            }
        }
        let floats = floats.iter().take_while(|local| worth_lending(local));
        for ((_, index), register) in floats.zip(LENT_FLOATS) {
            self.settle_in(*index, Operand::float(register));
        }
    }

    /// The register in which a local comes that is a parameter and no float.
    fn incoming(&self, index: usize) -> Option<u8> {
        let before = self.ty.params.get(..index)?;
        let ty = self.ty.params.get(index)?;
        let integers = before.iter().filter(|ty| !is_float(**ty)).count();
        match is_float(*ty) {
            true => None,
            false => INTEGER_PARAMS.get(integers).copied(),
        }
    }

    fn settle_in(&mut self, index: usize, register: Operand) {
        let local = &mut self.locals[index];
        local.home = match register {
            Operand::Register(number) => Home::Register(number as u8),
            Operand::Float(number) => Home::Float(number as u8),
            _ => return,
        };
        let is_kept =
            matches!(register, Operand::Register(number) if KEPT.contains(&(number as u8)));
        let resident = Resident {
            register,
            word: local.word,
            ty: local.ty,
            is_kept,
        };
        self.registers.residents.push(resident);
        if local.ty == ValType::I32 {
            self.registers.narrow |= set(register);
        }
        if !is_kept {
            self.registers.lent |= set(register);
            self.registers.free &= !set(register);
        }
    }

    /// Puts operands that are `which` elsewhere: in a register, or else in their places.
    pub fn evict(&mut self, which: Operand) {
        for height in self.placed..self.stack.len() {
            if self.stack[height] != which {
                continue;
            }
            let Some(to) = self.registers.take(which) else {
                self.put(height);
                continue;
            };
            match (which, to) {
                (Operand::Register(from), Operand::Register(to)) => {
                    let is_narrow = self.is_narrow(which);
                    self.registers.narrow &= !(1 << to);
                    self.registers.narrow |= u32::from(is_narrow) << to;
                    dynasm!(self.asm ; .arch x64 ; mov Rq(to as u8), Rq(from as u8));
                }
                (Operand::Float(from), Operand::Float(to)) => {
                    dynasm!(self.asm ; .arch x64 ; movaps Rx(to as u8), Rx(from as u8));
                }
                _ => {}
            }
            self.stack[height] = to;
        }
    }

    /// Before a call: nothing that is wanted later is in a register that callees change.
    pub fn free_registers(&mut self) {
        self.save(self.stack.len());
        self.registers.go_away();
    }

    /// Before a call: what is wanted later is not only in registers that callees change. Operands from this height on are
    /// not wanted.
    pub fn save(&mut self, end: usize) {
        if self.registers.away {
            return;
        }
        let stay: Set = self
            .registers
            .residents
            .iter()
            .map(|r| set(r.register))
            .sum();
        for height in self.placed..end {
            if set(self.stack[height]) & !stay != 0 {
                self.put(height);
            }
        }
        self.store_residents(self.handler.is_some());
    }

    /// After a call.
    pub fn come_back(&mut self) {
        if self.registers.away {
            self.load_residents(false);
            self.registers.away = false;
        }
    }

    /// Writes locals to their places: all, or those that callees do not keep.
    pub fn store_residents(&mut self, all: bool) {
        for index in 0..self.registers.residents.len() {
            let resident = self.registers.residents[index];
            let place = self.local_place(resident.word);
            match resident.register {
                Operand::Register(number) if all || !resident.is_kept => {
                    to_frame!(self.asm, mov QWORD place, Rq(number as u8));
                }
                Operand::Float(number) if resident.ty == ValType::V128 => {
                    to_frame!(self.asm, movups OWORD place, Rx(number as u8));
                }
                Operand::Float(number) => to_frame!(self.asm, movsd QWORD place, Rx(number as u8)),
                _ => {}
            }
        }
    }

    /// Reads them from there.
    pub fn load_residents(&mut self, all: bool) {
        for index in 0..self.registers.residents.len() {
            let resident = self.registers.residents[index];
            let place = self.local_place(resident.word);
            match resident.register {
                Operand::Register(number) if all || !resident.is_kept => {
                    if resident.ty == ValType::I32 {
                        from_frame!(self.asm, mov Rd((number as u8)), place);
                    } else {
                        from_frame!(self.asm, mov Rq((number as u8)), place);
                    }
                }
                Operand::Float(number) if resident.ty == ValType::V128 => {
                    from_frame!(self.asm, movups Rx((number as u8)), place);
                }
                Operand::Float(number) => from_frame!(self.asm, movsd Rx((number as u8)), place),
                _ => {}
            }
        }
    }
}
