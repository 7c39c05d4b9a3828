//! x86-64 on Linux.
//!
//! The guest leaves its stack by Cranelift's `stack_switch`, which stores {sp, fp, pc} of the guest
//! and loads those of the host, all other registers being clobbered. The functions here are its peer
//! on the host's side, inline, so that the processor predicts the way back. Whoever comes back to the
//! host's side has the thread in rdi: what follows then does not wait for the host's stack.

use crate::runtime::vm::{
    SCRATCH_CODE, SCRATCH_STATE, State, THREAD_GUEST, THREAD_HOST, THREAD_TRAP_FP, THREAD_TRAP_PC,
    VMCTX_THREAD, VMContext, VMFuncRef, VMThread,
};
use crate::runtime::{Store, Trap, compile_slot};
use std::arch::{asm, global_asm, naked_asm};
use std::ffi::{CStr, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

mod interrupt;
mod timer;
pub use interrupt::{prepare_interruption, save_as_older_processors, suspend};
pub use timer::{ThreadTimer, keep_errno, spare_signals};

/// Is this a processor and a system that wrt runs on?
pub fn check() -> Result<(), &'static str> {
    Ok(())
}

// A thread-local of the initial-exec model: two instructions to read, and unlike the model that Rust
// uses in shared objects, never an allocation, so that signal handlers may read it on any thread.
global_asm!(
    ".section .tbss.wrt_current_thread,\"awT\",@nobits",
    ".hidden wrt_current_thread",
    ".globl wrt_current_thread",
    ".p2align 3",
    ".type wrt_current_thread,@object",
    ".size wrt_current_thread,8",
    "wrt_current_thread: .zero 8",
    ".text",
);

/// The store of this OS thread, null where none was made. Callable from a signal handler.
#[inline(always)]
pub fn current() -> *mut Store {
    let store: *mut Store;
    // SAFETY: reads eight bytes of this thread's own storage, defined above.
    unsafe {
        asm!(
            "mov {t}, qword ptr [rip + wrt_current_thread@gottpoff]",
            "mov {t}, qword ptr fs:[{t}]",
            t = out(reg) store,
            options(nostack, readonly, preserves_flags, pure),
        );
    }
    store
}

/// Makes `store` the one of this OS thread; null for none.
pub fn set_current(store: *mut Store) {
    // SAFETY: writes eight bytes of this thread's own storage, defined above.
    unsafe {
        asm!(
            "mov {t}, qword ptr [rip + wrt_current_thread@gottpoff]",
            "mov qword ptr fs:[{t}], {v}",
            t = out(reg) _,
            v = in(reg) store,
            options(nostack, preserves_flags),
        );
    }
}

/// Is this the thread that the process began with?
pub fn is_first_thread() -> bool {
    // SAFETY: these always succeed.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Calls `entry(thread, func_ref)` on the stack that ends at `stack`, and comes back when it
/// returns, when the guest suspends, or when its activation ends. Gives `thread` back.
///
/// It is a balanced call and return, which processors predict; a jump in and out costs twice as much.
///
/// # Safety
/// `entry` is an entry trampoline for `func_ref`'s type; both are live. `stack` is 16-byte aligned, with
/// 16 writable bytes above it and room for guest frames below, down to the thread's stack limit.
#[inline(always)]
pub unsafe fn enter(
    thread: *mut VMThread,
    func_ref: *const VMFuncRef,
    entry: *const u8,
    stack: usize,
) -> *mut VMThread {
    let back;
    // SAFETY: all registers that can be are declared clobbered; rbx and rbp, which cannot, are saved
    // on the host's stack. The guest comes back to label 2 with the host's sp and fp restored by the
    // instructions before it, by `stack_switch`, by `raise` or by the signal handler.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "lea rax, [rip + 2f]",
            "mov [rdi + {host}], rsp",
            "mov [rdi + {host} + 8], rbp",
            "mov [rdi + {host} + 16], rax",
            "mov rsp, rdx",
            "mov [rsp], rdi",
            "xor ebp, ebp",
            "call rcx",
            "mov rdi, [rsp]",
            // The host is not where it was if it resumed the guest in between.
            "mov rsp, [rdi + {host}]",
            "jmp qword ptr [rdi + {host} + 16]",
            "2:",
            "pop rbp",
            "pop rbx",
            host = const THREAD_HOST,
            inout("rdi") thread => back,
            inout("rsi") func_ref => _,
            inout("rdx") stack => _,
            inout("rcx") entry => _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("sysv64"),
        );
    }
    back
}

/// Calls `entry(thread, func_ref)` on the current stack, and comes back when it returns or is ended by a trap.
///
/// # Safety
/// As for [`enter`]; and the guest does not suspend.
#[inline(always)]
pub unsafe fn enter_leaf(thread: *mut VMThread, func_ref: *const VMFuncRef, entry: *const u8) {
    // SAFETY: all registers that the host wants kept are saved on its stack, and those that a call may change are
    // declared. A trap comes back to label 2 with the host's sp. The stack is aligned at the start of the block, and so
    // after six pushes. (It is not left to the compiler to save them, since it does so for what else the caller does.)
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "lea rax, [rip + 2f]",
            "mov [rdi + {host}], rsp",
            "mov [rdi + {host} + 8], rbp",
            "mov [rdi + {host} + 16], rax",
            "call rcx",
            "2:",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbp",
            "pop rbx",
            host = const THREAD_HOST,
            inout("rdi") thread => _,
            inout("rsi") func_ref => _,
            inout("rcx") entry => _,
            clobber_abi("sysv64"),
        );
    }
}

/// Goes on with the activation whose context is in `thread.guest`; comes back as [`enter`] does.
///
/// # Safety
/// `thread.guest` was stored by a guest that suspended and whose frames are untouched since.
#[inline(always)]
pub unsafe fn resume(thread: *mut VMThread) -> *mut VMThread {
    let back;
    // SAFETY: as in `enter`.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "lea rax, [rip + 2f]",
            "mov [rdi + {host}], rsp",
            "mov [rdi + {host} + 8], rbp",
            "mov [rdi + {host} + 16], rax",
            "mov rsp, [rdi + {guest}]",
            "mov rbp, [rdi + {guest} + 8]",
            "jmp qword ptr [rdi + {guest} + 16]",
            "2:",
            "pop rbp",
            "pop rbx",
            host = const THREAD_HOST,
            guest = const THREAD_GUEST,
            inout("rdi") thread => back,
            out("rsi") _, out("rcx") _, out("rdx") _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("sysv64"),
        );
    }
    back
}

/// [`Builtin::Raise`](crate::runtime::vm::Builtin): ends the running activation with this state and
/// code. The guest's frames are dropped.
///
/// # Safety
/// Only for generated code that runs in an activation of `thread`.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn raise(thread: *mut VMThread, state: i32, code: i32) {
    naked_asm!(
        "mov [rdi + {state}], esi",
        "mov [rdi + {code}], edx",
        // In the call, not behind it.
        "mov rax, [rsp]",
        "dec rax",
        "mov [rdi + {pc}], rax",
        "mov [rdi + {fp}], rbp",
        "mov rsp, [rdi + {host}]",
        "mov rbp, [rdi + {host} + 8]",
        "jmp qword ptr [rdi + {host} + 16]",
        state = const SCRATCH_STATE,
        code = const SCRATCH_CODE,
        pc = const THREAD_TRAP_PC,
        fp = const THREAD_TRAP_FP,
        host = const THREAD_HOST,
    )
}

/// [`Builtin::Throw`](crate::runtime::vm::Builtin): goes on where [`throw`](crate::runtime::throw) says, in a frame
/// of the guest with the exception in rax, or at the host's side with the thread in rdi. A handler expects
/// nothing in any other register.
///
/// The chain of frame pointers starts in rbp, since every guest function and trampoline that calls has a frame, and
/// ends with 0, see [`enter`]. All registers that callees keep go to the stack, where references are looked for.
///
/// # Safety
/// Only for generated code that runs in an activation of the context's thread.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn throw(vmctx: *mut VMContext, what: u64, values: *const u64) {
    naked_asm!(
        "mov r8, [rsp]",
        "mov r9, rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 32",
        "mov rcx, rsp",
        "call {throw}",
        "mov rdi, [rsp + 24]",
        "mov rax, rdi",
        "mov rcx, [rsp + 16]",
        "mov rbp, [rsp + 8]",
        "mov rsp, [rsp]",
        "jmp rcx",
        throw = sym crate::runtime::throw,
    )
}

/// The registers that callees keep for their callers, as they are now.
#[inline(always)]
pub fn kept_registers() -> [u64; 6] {
    let mut registers = [0; 6];
    // SAFETY: writes six words of the array.
    unsafe {
        asm!(
            "mov [{r}], rbx",
            "mov [{r} + 8], rbp",
            "mov [{r} + 16], r12",
            "mov [{r} + 24], r13",
            "mov [{r} + 32], r14",
            "mov [{r} + 40], r15",
            r = in(reg) registers.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    registers
}

/// Bytes of a [`stub`].
pub const STUB_SIZE: usize = 32;

/// Code for slot number `slot` (below 2^31) of any code table: hands the slot's number to
/// [`compile_and_call`]. The highest bit of the number says whether the function returns in memory: then its
/// first argument is where, and the context is the second.
pub fn stub(slot: u32, returns_in_memory: bool) -> [u8; STUB_SIZE] {
    let number = slot | u32::from(returns_in_memory) << 31;
    let mut code = [0xcc; STUB_SIZE];
    // mov eax, number
    code[0] = 0xb8;
    code[1..5].copy_from_slice(&number.to_le_bytes());
    // movabs r10, compile_and_call
    code[5..7].copy_from_slice(&[0x49, 0xba]);
    let target = compile_and_call as *const () as u64;
    code[7..15].copy_from_slice(&target.to_le_bytes());
    // jmp r10
    code[15..18].copy_from_slice(&[0x41, 0xff, 0xe2]);
    code
}

/// Has the runtime compile the function that was called, then goes on there as if it had been called
/// at once. At a failure, which the runtime has written down, the activation ends.
///
/// Registers that carry arguments are kept; all others may change at any call of a guest function.
#[unsafe(naked)]
unsafe extern "sysv64" fn compile_and_call() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 192",
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "movaps [rsp + 48], xmm0",
        "movaps [rsp + 64], xmm1",
        "movaps [rsp + 80], xmm2",
        "movaps [rsp + 96], xmm3",
        "movaps [rsp + 112], xmm4",
        "movaps [rsp + 128], xmm5",
        "movaps [rsp + 144], xmm6",
        "movaps [rsp + 160], xmm7",
        "test eax, eax",
        "cmovs rdi, rsi",
        "mov [rsp + 176], rdi",
        "mov esi, eax",
        "and esi, 0x7fffffff",
        "call {compile}",
        "test rax, rax",
        "jz 2f",
        "mov rdi, [rsp]",
        "mov rsi, [rsp + 8]",
        "mov rdx, [rsp + 16]",
        "mov rcx, [rsp + 24]",
        "mov r8, [rsp + 32]",
        "mov r9, [rsp + 40]",
        "movaps xmm0, [rsp + 48]",
        "movaps xmm1, [rsp + 64]",
        "movaps xmm2, [rsp + 80]",
        "movaps xmm3, [rsp + 96]",
        "movaps xmm4, [rsp + 112]",
        "movaps xmm5, [rsp + 128]",
        "movaps xmm6, [rsp + 144]",
        "movaps xmm7, [rsp + 160]",
        "leave",
        "jmp rax",
        "2:",
        "mov rdi, [rsp + 176]",
        "mov rdi, [rdi + {thread}]",
        "mov esi, {state}",
        "mov edx, {code}",
        "jmp {raise}",
        compile = sym compile_slot,
        thread = const VMCTX_THREAD,
        state = const State::Trap as i32,
        code = const Trap::NotCompiled as i32,
        raise = sym raise,
    )
}

/// Calls `f(data)` on the stack that ends at `stack`.
///
/// # Safety
/// `stack` is 16-byte aligned with room below it, and nobody else uses that stack. `f` does not unwind.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn call_on_stack(
    data: *mut c_void,
    f: unsafe extern "sysv64" fn(*mut c_void),
    stack: usize,
) {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov rsp, rdx",
        "call rsi",
        "leave",
        "ret",
    )
}

/// Maps fresh memory at two places, each `size` bytes: to be written at one, to be executed at the other.
///
/// # Safety
/// Both places are page-aligned mappings that nobody uses; they are replaced.
pub unsafe fn map_twice(to_write: *mut u8, to_execute: *mut u8, size: usize) -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: by the caller, the place may be replaced.
    let at = unsafe { libc::mmap(to_write.cast(), size, protection, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // An old size of 0 makes a second mapping of the same pages.
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: by the caller, the place may be replaced.
    let at = unsafe { libc::mremap(to_write.cast(), 0, size, flags, to_execute) };
    if at == libc::MAP_FAILED {
        // Not every emulation of Linux knows that (valgrind does not).
        // SAFETY: by the caller.
        return unsafe { map_file_twice(to_write, to_execute, size) };
    }
    // SAFETY: the mapping just made.
    if unsafe { libc::mprotect(at, size, libc::PROT_READ | libc::PROT_EXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// As [`map_twice`], by a file in memory. A limit on the size of files counts for it.
///
/// # Safety
/// As for [`map_twice`].
unsafe fn map_file_twice(to_write: *mut u8, to_execute: *mut u8, size: usize) -> io::Result<()> {
    let file = memory_file(c"wrt-code")?;
    let descriptor = file.as_raw_fd();
    file.set_len(size as u64)?;
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_FIXED,
    );
    // SAFETY: by the caller, the place may be replaced.
    let at = unsafe { libc::mmap(to_write.cast(), size, protection, flags, descriptor, 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: by the caller, the place may be replaced.
    unsafe { map_file(&file, to_execute, size, libc::MAP_SHARED) }
}

/// A new file in memory.
pub fn memory_file(name: &CStr) -> io::Result<File> {
    // SAFETY: the name is a C string.
    let descriptor = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor, which nobody else has.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Maps a file to be read and executed.
///
/// # Safety
/// The place is a page-aligned mapping of at least `size` bytes that nobody uses; it is replaced.
pub unsafe fn map_executable(file: &File, place: *mut u8, size: usize) -> io::Result<()> {
    // SAFETY: by the caller.
    unsafe { map_file(file, place, size, libc::MAP_PRIVATE) }
}

/// # Safety
/// As for [`map_executable`].
unsafe fn map_file(
    file: &File,
    place: *mut u8,
    size: usize,
    sharing: libc::c_int,
) -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_EXEC;
    let flags = sharing | libc::MAP_FIXED;
    // SAFETY: by the caller, the place may be replaced.
    let at = unsafe { libc::mmap(place.cast(), size, protection, flags, file.as_raw_fd(), 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The context that a signal interrupted.
pub struct SignalContext(*mut libc::ucontext_t);

impl SignalContext {
    /// # Safety
    /// `context` is the third argument of a running `SA_SIGINFO` handler.
    pub unsafe fn new(context: *mut libc::c_void) -> Self {
        Self(context.cast())
    }

    /// Address of the interrupted instruction.
    pub fn pc(&self) -> usize {
        // SAFETY: by `new`, the context is valid while the handler runs.
        unsafe { (*self.0).uc_mcontext.gregs[libc::REG_RIP as usize] as usize }
    }

    /// The interrupted code's frame pointer.
    pub fn fp(&self) -> usize {
        // SAFETY: by `new`, the context is valid while the handler runs.
        unsafe { (*self.0).uc_mcontext.gregs[libc::REG_RBP as usize] as usize }
    }

    /// Makes the interrupted code go on at the host's side of the running activation.
    pub fn divert_to_host(&mut self, thread: &VMThread) {
        // SAFETY: by `new`, the context is valid while the handler runs.
        let registers = unsafe { &mut (*self.0).uc_mcontext.gregs };
        registers[libc::REG_RSP as usize] = thread.host.sp as i64;
        registers[libc::REG_RBP as usize] = thread.host.fp as i64;
        registers[libc::REG_RIP as usize] = thread.host.pc as i64;
        registers[libc::REG_RDI as usize] = &raw const *thread as i64;
    }
}
