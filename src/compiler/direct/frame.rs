//! Entering and leaving a function, and changing over to a better form of it.

use super::operand::{Local, R12, R13, R15, RBX};
use super::{Cold, Direct, Result, Unsupported};
use crate::module::{FuncType, ValType};
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, CALL_WEIGHT, LOOP_WEIGHT, State, VMCTX_BUILTINS, VMCTX_COUNTERS, VMCTX_STACK_LIMIT,
    VMCTX_THREAD,
};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

/// Registers of integer parameters after the context.
pub const INTEGER_PARAMS: [u8; 5] = [6, 2, 1, 8, 9];
/// Xmm registers of float parameters.
pub const FLOAT_PARAMS: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// What a handler finds, as distances below rbp: the context, and registers that callees keep for the caller, since who
/// was thrown out of has not given them back.
const FOR_HANDLERS: [(i32, u8); 4] = [(24, R15), (32, RBX), (40, R12), (48, R13)];

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
        let words = 2 + self.saved() + self.local_words + self.height;
        8 * words.next_multiple_of(2) as i32
    }

    /// How many words a handler finds.
    fn saved(&self) -> usize {
        match self.catches {
            true => FOR_HANDLERS.len(),
            false => 0,
        }
    }

    /// Leaves what a handler wants. But for the context, the function does not touch these registers.
    pub fn save_for_handlers(&mut self) {
        self.catches = true;
        for (distance, register) in FOR_HANDLERS {
            dynasm!(self.asm ; .arch x64 ; mov [rbp - distance], Rq(register));
        }
    }

    /// In a handler; rax stays.
    pub fn restore_in_handler(&mut self) {
        for (distance, register) in FOR_HANDLERS {
            dynasm!(self.asm ; .arch x64 ; mov Rq(register), [rbp - distance]);
        }
        self.load_memory_base();
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
        dynasm!(self.asm ; .arch x64 ; mov [rbp - 8], r15 ; mov [rbp - 16], r14 ; mov r15, rdi);
        self.load_memory_base();
        let (mut integers, mut floats) = (INTEGER_PARAMS.iter(), FLOAT_PARAMS.iter());
        // Above rbp: the caller's, the place to return to, then what no register holds.
        let mut above = 16;
        let params: Vec<Local> = self.locals[..self.ty.params.len()].to_vec();
        for (local, ty) in params.iter().zip(&self.ty.params) {
            let place = self.local_place(local.word);
            let register = match is_float(*ty) {
                true => floats.next(),
                false => integers.next(),
            };
            match register.copied() {
                Some(register) if local.is_vector => {
                    to_frame!(self.asm, movups OWORD place, Rx(register));
                }
                Some(register) if is_float(*ty) => {
                    to_frame!(self.asm, movsd QWORD place, Rx(register));
                }
                Some(register) => {
                    to_frame!(self.asm, mov QWORD place, Rq(register));
                }
                None => {
                    dynasm!(self.asm ; .arch x64 ; mov rax, [rbp + above] ; mov [rsp + place], rax);
                    above += 8;
                }
            }
        }
        self.zero_locals();
        self.count(CALL_WEIGHT, None);
        Sizes { check, allocate }
    }

    fn load_memory_base(&mut self) {
        if !self.module.memories.is_empty() {
            let offset = self.offsets.memory_base(0);
            dynasm!(self.asm ; .arch x64 ; mov r14, [r15 + offset]);
        }
    }

    fn zero_locals(&mut self) {
        let end = self.local_words;
        let first = self.locals.get(self.ty.params.len());
        let Some(first) = first.map(|local| local.word) else {
            return;
        };
        dynasm!(self.asm ; .arch x64 ; xor eax, eax);
        if end - first <= 16 {
            for index in first..end {
                let place = self.local_place(index);
                to_frame!(self.asm, mov QWORD place, rax);
            }
        } else {
            let place = self.local_place(first);
            let count = (end - first) as i32;
            dynasm!(self.asm ; .arch x64 ; lea rdi, [rsp + place] ; mov ecx, count ; rep stosq);
        }
    }

    /// Returns with what is in rax or xmm0, and drops the arguments that are on the stack.
    pub fn leave(&mut self) {
        let arguments = stack_arguments(self.ty) as i16;
        dynasm!(self.asm ; .arch x64 ; mov r15, [rbp - 8] ; mov r14, [rbp - 16] ; leave);
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
    pub fn count(&mut self, weight: i32, number: Option<u32>) {
        let offset = 4 * self.index as i32;
        let (from, back) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        dynasm!(self.asm ; .arch x64
            ; mov r10, [r15 + VMCTX_COUNTERS]
            ; add DWORD [r10 + offset], weight
            ; jns =>from
            ; =>back);
        self.cold.push(Cold::Hot { from, back, number });
    }

    pub fn count_loop(&mut self, number: u32) {
        self.count(LOOP_WEIGHT, Some(number));
    }

    pub fn hot(&mut self, from: DynamicLabel, back: DynamicLabel, number: Option<u32>) {
        let function = (self.module.imported_functions + self.index) as i32;
        let argument = number.map_or(-1, |number| number as i32);
        dynasm!(self.asm ; .arch x64 ; =>from ; mov esi, function ; mov edx, argument);
        self.call_builtin(Builtin::Hot);
        if number.is_some() {
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
