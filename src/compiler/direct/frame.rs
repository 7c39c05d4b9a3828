//! Entering and leaving a function, and changing over to a better form of it.

use super::operand::{Operand, RAX};
use super::register::KEPT;
use super::variable::{Home, Local};
use super::{Cold, Direct, Result, Unsupported};
use crate::compiler::LoopHead;
use crate::module::{FuncType, ValType};
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, CALL_WEIGHT, State, VMCTX_BUILTINS, VMCTX_COUNTERS, VMCTX_STACK_LIMIT, VMCTX_THREAD,
};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

/// Registers of integer parameters after the context.
pub const INTEGER_PARAMS: [u8; 5] = [6, 2, 1, 8, 9];
/// Xmm registers of float parameters.
pub const FLOAT_PARAMS: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// Words below rbp: the caller's r15 and r14.
const SAVED: usize = 2;
/// In a function that catches, its own context for handlers, as distance below rbp.
const CONTEXT: i32 = 24;

/// Where the size of the frame is to be written, once it is known.
pub struct Sizes {
    /// End of a displacement that is minus the size.
    check: usize,
    /// End of an immediate that is the size.
    allocate: usize,
}

impl Sizes {
    pub fn patch(&self, code: &mut [u8], size: i32) -> Result {
        for (end, value) in [(self.check, -size), (self.allocate, size)] {
            let field = code.get_mut(end - 4..end).ok_or(Unsupported)?;
            field.copy_from_slice(&value.to_le_bytes());
        }
        Ok(())
    }
}

/// Bytes of arguments on the stack: the callee drops them.
pub fn stack_arguments(ty: &FuncType) -> i32 {
    let floats = ty.params.iter().filter(|ty| is_float(**ty)).count();
    let integers = ty.params.len() - floats;
    let words =
        floats.saturating_sub(FLOAT_PARAMS.len()) + integers.saturating_sub(INTEGER_PARAMS.len());
    8 * words.next_multiple_of(2) as i32
}

/// Is it passed in an xmm register?
pub fn is_float(ty: ValType) -> bool {
    matches!(ty, ValType::F32 | ValType::F64 | ValType::V128)
}

impl Direct<'_> {
    /// Bytes below rbp: saved registers, operands, locals.
    pub fn frame_size(&self) -> i32 {
        let words = self.saved() + self.local_words + self.height;
        8 * words.next_multiple_of(2) as i32
    }

    /// Words of saved registers.
    fn saved(&self) -> usize {
        SAVED + usize::from(self.catches) + self.registers.kept.len()
    }

    /// The registers of the caller's that are saved, with their distances from rbp.
    fn kept(&self) -> impl Iterator<Item = (i8, u8)> + use<> {
        let first = SAVED + usize::from(self.catches) + 1;
        let kept = self.registers.kept.clone();
        (first..).map(|word| -8 * word as i8).zip(kept)
    }

    /// Gives back what callees keep.
    pub fn restore_kept(&mut self) {
        dynasm!(self.asm ; .arch x64 ; mov r15, [rbp - 8]);
        if self.has_base {
            dynasm!(self.asm ; .arch x64 ; mov r14, [rbp - 16]);
        }
        for (distance, register) in self.kept() {
            dynasm!(self.asm ; .arch x64 ; mov Rq(register), [BYTE rbp + distance]);
        }
    }

    /// In a handler; rax stays.
    pub fn restore_in_handler(&mut self) {
        dynasm!(self.asm ; .arch x64 ; mov r15, [rbp - CONTEXT]);
        self.load_memory_base();
        self.load_residents(true);
    }

    /// What happens before the first operator.
    pub fn enter(&mut self) -> Sizes {
        let overflow = self.trap(Trap::StackOverflow);
        // Displacements and immediates of four bytes, whatever they will be.
        let unknown: i32 = 0x0100_0000;
        dynasm!(self.asm ; .arch x64 ; push rbp ; mov rbp, rsp ; lea r10, [rsp + unknown]);
        let check = self.asm.offset().0;
        dynasm!(self.asm ; .arch x64
            ; cmp r10, [rdi + VMCTX_STACK_LIMIT]
            ; jb =>overflow
            ; sub rsp, unknown);
        let allocate = self.asm.offset().0;
        dynasm!(self.asm ; .arch x64 ; mov [rbp - 8], r15 ; mov r15, rdi);
        if self.has_base {
            dynasm!(self.asm ; .arch x64 ; mov [rbp - 16], r14);
        }
        for (distance, register) in self.kept() {
            dynasm!(self.asm ; .arch x64 ; mov [BYTE rbp + distance], Rq(register));
        }
        if self.catches {
            dynasm!(self.asm ; .arch x64 ; mov [rbp - CONTEXT], r15);
        }
        self.load_memory_base();
        let (mut integers, mut floats) = (INTEGER_PARAMS.iter(), FLOAT_PARAMS.iter());
        // Above rbp: the caller's, the place to return to, then what no register holds.
        let mut above = 16;
        let params: Vec<Local> = self.locals[..self.ty.params.len()].to_vec();
        // Those that go to registers in which others may have come: that is later where those are.
        let mut later = Vec::new();
        for (local, ty) in params.iter().zip(&self.ty.params) {
            let register = match is_float(*ty) {
                true => floats.next(),
                false => integers.next(),
            };
            let place = self.local_place(local.word);
            match (register.copied(), local.home) {
                (Some(register), Home::Register(to)) if to == register || KEPT.contains(&to) => {
                    self.set_register(to, local.ty, Operand::register(register));
                }
                (register, Home::Register(to)) => {
                    later.push((to, local.ty, register.ok_or(above)));
                }
                (Some(register), Home::Float(to)) => {
                    dynasm!(self.asm ; .arch x64 ; movaps Rx(to), Rx(register));
                }
                (Some(register), Home::Frame) if local.is_vector() => {
                    to_frame!(self.asm, movups OWORD place, Rx(register));
                }
                (Some(register), Home::Frame) if is_float(*ty) => {
                    to_frame!(self.asm, movsd QWORD place, Rx(register));
                }
                (Some(register), Home::Frame) => {
                    to_frame!(self.asm, mov QWORD place, Rq(register));
                }
                (None, Home::Float(to)) => {
                    dynasm!(self.asm ; .arch x64 ; movsd Rx(to), [rbp + above]);
                }
                (None, Home::Frame) => {
                    dynasm!(self.asm ; .arch x64 ; mov rax, [rbp + above] ; mov [rsp + place], rax);
                }
            }
            if register.is_none() {
                above += 8;
            }
        }
        for (to, ty, from) in later {
            let from = from.unwrap_or_else(|above| {
                dynasm!(self.asm ; .arch x64 ; mov rax, [rbp + above]);
                RAX
            });
            self.set_register(to, ty, Operand::register(from));
        }
        self.zero_locals();
        self.count(CALL_WEIGHT, None);
        Sizes { check, allocate }
    }

    fn load_memory_base(&mut self) {
        if self.has_base && !self.module.memories.is_empty() {
            let offset = self.offsets.memory_base(0);
            dynasm!(self.asm ; .arch x64 ; mov r14, [r15 + offset]);
        }
    }

    fn zero_locals(&mut self) {
        let locals = self.locals[self.ty.params.len()..].to_vec();
        let Some(first) = locals.first().map(|local| local.word) else {
            return;
        };
        let words = self.local_words - first;
        if words > 16 {
            let place = self.local_place(first);
            // A parameter may be in rdi.
            dynasm!(self.asm ; .arch x64
                ; mov r10, rdi
                ; xor eax, eax
                ; lea rdi, [rsp + place]
                ; mov ecx, words as i32
                ; rep stosq
                ; mov rdi, r10);
        } else if locals.iter().any(|local| local.home == Home::Frame) {
            dynasm!(self.asm ; .arch x64 ; xor eax, eax);
        }
        for local in locals {
            let place = self.local_place(local.word);
            match local.home {
                Home::Register(number) => {
                    dynasm!(self.asm ; .arch x64 ; xor Rd(number), Rd(number));
                }
                Home::Float(number) => {
                    dynasm!(self.asm ; .arch x64 ; xorps Rx(number), Rx(number));
                }
                Home::Frame if words > 16 => {}
                Home::Frame => {
                    to_frame!(self.asm, mov QWORD place, rax);
                    if local.is_vector() {
                        let place = place + 8;
                        to_frame!(self.asm, mov QWORD place, rax);
                    }
                }
            }
        }
    }

    /// Returns with what is in rax or xmm0, and drops the arguments that are on the stack.
    pub fn leave(&mut self) {
        let arguments = stack_arguments(self.ty) as i16;
        self.restore_kept();
        dynasm!(self.asm ; .arch x64 ; leave);
        if arguments == 0 {
            dynasm!(self.asm ; .arch x64 ; ret);
        } else {
            dynasm!(self.asm ; .arch x64 ; ret arguments);
        }
    }

    /// Calls a runtime function whose arguments but the first are in their registers.
    pub fn call_builtin(&mut self, builtin: Builtin) {
        let offset = 8 * builtin as i32;
        dynasm!(self.asm ; .arch x64
            ; mov rdi, r15
            ; mov rax, [r15 + VMCTX_BUILTINS]
            ; call QWORD [rax + offset]);
        self.called();
    }

    /// Raises the trap whose number is in edx.
    pub fn raise(&mut self) {
        let offset = 8 * Builtin::Raise as i32;
        dynasm!(self.asm ; .arch x64
            ; mov rdi, [r15 + VMCTX_THREAD]
            ; mov esi, State::Trap as i32
            ; mov rax, [r15 + VMCTX_BUILTINS]
            ; call QWORD [rax + offset]);
        self.called();
        dynasm!(self.asm ; .arch x64 ; ud2);
    }

    /// Adds to the function's counter. Nothing is in registers here.
    pub fn count(&mut self, weight: i32, head: Option<LoopHead>) {
        let offset = 4 * self.index as i32;
        let (from, back) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        dynasm!(self.asm ; .arch x64
            ; mov r10, [r15 + VMCTX_COUNTERS]
            ; add DWORD [r10 + offset], weight
            ; jns =>from
            ; =>back);
        self.cold.push(Cold::Hot { from, back, head });
    }

    pub fn hot(&mut self, from: DynamicLabel, back: DynamicLabel, head: Option<LoopHead>) {
        let function = (self.module.imported_functions + self.index) as i32;
        let number = head.map_or(-1, |head| head.number as i32);
        let depth = head.map_or(0, |head| head.depth as i32);
        dynasm!(self.asm ; .arch x64 ; =>from);
        self.store_residents(head.is_some());
        dynasm!(self.asm ; .arch x64 ; mov esi, function ; mov edx, number ; mov ecx, depth);
        self.call_builtin(Builtin::Hot);
        self.load_residents(false);
        if head.is_some() {
            // The better form gets the address of locals and operands, and returns for this one.
            dynasm!(self.asm ; .arch x64
                ; test rax, rax
                ; jz =>back
                ; mov rdi, r15
                ; mov rsi, rsp
                ; call rax);
            // Both are one call of one function.
            self.position = 0;
            self.called();
            self.leave();
        } else {
            dynasm!(self.asm ; .arch x64 ; jmp =>back);
        }
    }
}
