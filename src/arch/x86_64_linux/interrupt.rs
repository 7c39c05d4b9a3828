//! Interruption: a guest that is stopped between any two instructions, gives the thread to the host,
//! and later goes on as if nothing had been.

use super::SignalContext;
use crate::runtime::vm::{SCRATCH_STATE, State, THREAD_GUEST, THREAD_HOST, VMThread};
use std::arch::naked_asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// How vector state is saved. Written by [`prepare_interruption`] before the first interruption.
#[repr(C)]
struct Saving {
    /// Bytes that it takes.
    area: AtomicUsize,
    /// Parts for `xsave`; 0 where there is only `fxsave`.
    parts: AtomicU32,
    /// Whether there is `xsavec`, which does not write what was never used.
    compact: AtomicU32,
}

const AREA: usize = 0;
const PARTS: usize = 8;
const COMPACT: usize = 12;

static SAVING: Saving = Saving {
    area: AtomicUsize::new(FXSAVE),
    parts: AtomicU32::new(0),
    compact: AtomicU32::new(0),
};

/// Bytes that `fxsave` writes; the header of `xsave` follows them.
const FXSAVE: usize = 512;
const HEADER: usize = 64;
/// x87, SSE, AVX and AVX-512. Guests use no tiles, which are large, and the protection keys of pages are
/// not theirs.
const PARTS_SAVED: u32 = 0xe7;

/// Finds out how this processor saves vector registers.
pub fn prepare_interruption() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        const OSXSAVE: u32 = 1 << 27;
        if __cpuid(1).ecx & OSXSAVE == 0 {
            return;
        }
        // SAFETY: the processor and the system have `xgetbv`, by the check above.
        let parts = unsafe { enabled_parts() } & PARTS_SAVED;
        // Where each part beyond the first two lies in the larger of the two formats.
        let ends = (2..8).filter(|part| parts & 1 << part != 0).map(|part| {
            let leaf = __cpuid_count(0xd, part);
            (leaf.eax + leaf.ebx) as usize
        });
        let area = ends.max().unwrap_or(0).max(FXSAVE + HEADER);
        SAVING.area.store(area, Ordering::Relaxed);
        SAVING.parts.store(parts, Ordering::Relaxed);
        let compact = __cpuid_count(0xd, 1).eax >> 1 & 1;
        SAVING.compact.store(compact, Ordering::Relaxed);
    });
}

/// Makes do with what older processors have, `xsave` or even `fxsave`: for tests.
pub fn save_as_older_processors(xsave: bool) {
    prepare_interruption();
    SAVING.compact.store(0, Ordering::Relaxed);
    if !xsave {
        SAVING.parts.store(0, Ordering::Relaxed);
    }
}

#[target_feature(enable = "xsave")]
fn enabled_parts() -> u32 {
    // SAFETY: the function has the feature; register 0 exists wherever the instruction does.
    unsafe { _xgetbv(0) as u32 }
}

/// Gives the thread to the host, with the state [`State::Interrupted`], and returns when the host
/// resumes: for runtime functions.
///
/// # Safety
/// The caller runs in an activation of `thread`, on the guest's stack, in the state [`State::Run`]. It
/// may never come back: the host may end the activation instead, and nothing is dropped then.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn suspend(thread: *mut VMThread) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "lea rax, [rip + 2f]",
        "mov [rdi + {guest}], rsp",
        "mov [rdi + {guest} + 8], rbp",
        "mov [rdi + {guest} + 16], rax",
        "mov dword ptr [rdi + {state}], {interrupted}",
        "mov rsp, [rdi + {host}]",
        "mov rbp, [rdi + {host} + 8]",
        "jmp qword ptr [rdi + {host} + 16]",
        // Whoever resumes has the thread in rdi.
        "2:",
        "mov dword ptr [rdi + {state}], {run}",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        guest = const THREAD_GUEST,
        host = const THREAD_HOST,
        state = const SCRATCH_STATE,
        interrupted = const State::Interrupted as i32,
        run = const State::Run as i32,
    )
}

/// Bytes below the stack pointer that are left alone. Generated code keeps nothing there, but it costs
/// nothing either.
const GAP: usize = 128;

/// Where [`SignalContext::interrupt`] sends a guest, with the address of its next instruction on top of
/// the stack, [`GAP`] bytes below its stack pointer: saves all that the guest can see of the processor,
/// suspends, restores it and goes on.
#[unsafe(naked)]
unsafe extern "sysv64" fn interrupted() {
    naked_asm!(
        "pushfq",
        "push rax",
        "push rcx",
        "push rdx",
        "push rbx",
        "push rbp",
        "push rsi",
        "push rdi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "cld",
        "mov rbp, rsp",
        "mov rbx, qword ptr [rip + {saving}@GOTPCREL]",
        "sub rsp, [rbx + {area}]",
        "and rsp, -64",
        "mov eax, [rbx + {parts}]",
        "test eax, eax",
        "jz 3f",
        // `xsave` writes 16 bytes of its header and `xrstor` wants the others to be zero.
        "xor edx, edx",
        "mov [rsp + {header}], rdx",
        "mov [rsp + {header} + 8], rdx",
        "mov [rsp + {header} + 16], rdx",
        "mov [rsp + {header} + 24], rdx",
        "mov [rsp + {header} + 32], rdx",
        "mov [rsp + {header} + 40], rdx",
        "mov [rsp + {header} + 48], rdx",
        "mov [rsp + {header} + 56], rdx",
        "cmp dword ptr [rbx + {compact}], 0",
        "je 2f",
        "xsavec64 [rsp]",
        "jmp 4f",
        "2:",
        "xsave64 [rsp]",
        "jmp 4f",
        "3:",
        "fxsave64 [rsp]",
        "4:",
        "mov rdi, qword ptr [rip + wrt_current_thread@gottpoff]",
        "mov rdi, qword ptr fs:[rdi]",
        "call {suspend}",
        "mov eax, [rbx + {parts}]",
        "test eax, eax",
        "jz 5f",
        "xor edx, edx",
        "xrstor64 [rsp]",
        "jmp 6f",
        "5:",
        "fxrstor64 [rsp]",
        "6:",
        "mov rsp, rbp",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rdi",
        "pop rsi",
        "pop rbp",
        "pop rbx",
        "pop rdx",
        "pop rcx",
        "pop rax",
        "popfq",
        // Jumps and drops the gap, in one instruction that touches no flags.
        "ret {gap}",
        saving = sym SAVING,
        area = const AREA,
        parts = const PARTS,
        compact = const COMPACT,
        header = const FXSAVE,
        suspend = sym suspend,
        gap = const GAP,
    )
}

/// What [`interrupted`] pushes, without the vector state and its alignment.
const PUSHED: usize = GAP + 8 + 16 * 8 + 64 + 8 * 8;
/// What is kept free below it for signal handlers that run on the current stack.
const SPARE: usize = 8 << 10;

impl SignalContext {
    /// Makes the interrupted code, a guest in the state [`State::Run`], give the thread to the host and
    /// go on when it is resumed. Not done if it has too little of `stack` left.
    ///
    /// # Safety
    /// The interrupted code is generated code that runs on `stack`, which is writable.
    pub unsafe fn interrupt(&mut self, stack: Range<usize>) -> bool {
        // SAFETY: by `new`, the context is valid while the handler runs.
        let registers = unsafe { &mut (*self.0).uc_mcontext.gregs };
        let sp = registers[libc::REG_RSP as usize] as usize;
        let room = PUSHED + SPARE + SAVING.area.load(Ordering::Relaxed);
        if sp > stack.end || sp < stack.start + room {
            return false;
        }
        let top = sp - GAP - 8;
        // SAFETY: inside the stack, below everything that the interrupted code keeps there.
        unsafe { (top as *mut i64).write(registers[libc::REG_RIP as usize]) };
        registers[libc::REG_RSP as usize] = top as i64;
        registers[libc::REG_RIP as usize] = interrupted as *const () as i64;
        true
    }
}
