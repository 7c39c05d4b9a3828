//! Guests that are interrupted compute what they compute undisturbed: interrupted at every single
//! instruction, and at random.
//!
//! The single steps are the processor's: with its trap flag set, each instruction ends with SIGTRAP.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::arch::asm;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wrt::code::{CompiledModule, Options};
use wrt::compiler::Tier;
use wrt::module::{ExportKind, ImportKind, ValType};
use wrt::runtime::{ImportValue, Instance, Outcome, Store, Trap};

const PROGRAMS: &str = include_str!("support/interrupt.wat");

/// What a program did, in full.
#[derive(Clone, Debug, PartialEq)]
enum Ran {
    Returned(u64),
    Trapped(Trap),
}

struct Guest {
    store: &'static Store,
    module: Arc<CompiledModule>,
    instance: Box<Instance>,
    interruptions: Cell<usize>,
}

/// Registers and scratch memory are the host's while a guest is interrupted.
fn disturb(store: &Store) {
    for slot in 0..64 {
        store.set_slot(slot, 0xdead_dead_dead_dead);
    }
    // SAFETY: changes no register that is not declared.
    unsafe {
        asm!(
            "pcmpeqd xmm0, xmm0",
            "movdqa xmm1, xmm0", "movdqa xmm2, xmm0", "movdqa xmm3, xmm0", "movdqa xmm4, xmm0",
            "movdqa xmm5, xmm0", "movdqa xmm6, xmm0", "movdqa xmm7, xmm0", "movdqa xmm8, xmm0",
            "movdqa xmm9, xmm0", "movdqa xmm10, xmm0", "movdqa xmm11, xmm0", "movdqa xmm12, xmm0",
            "movdqa xmm13, xmm0", "movdqa xmm14, xmm0", "movdqa xmm15, xmm0",
            "mov r8, -1", "mov r9, -1", "mov r10, -1", "mov r11, -1", "mov rax, -1",
            "mov rcx, -1", "mov rdx, -1", "mov rsi, -1", "mov rdi, -1", "cmp rsi, 5",
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("sysv64"),
        );
    }
}

impl Guest {
    fn new(options: Options) -> Self {
        let store = Store::current().expect("a store");
        let bytes = wat::parse_str(PROGRAMS).expect("the text is right");
        let module = CompiledModule::new(bytes, options).expect("the module is valid");
        let imports = module.module().imports.iter();
        let imports: Vec<_> = imports
            .map(|import| match import.kind {
                ImportKind::Function(_) => ImportValue::HostFunction,
                _ => panic!("functions are imported only"),
            })
            .collect();
        let instance = Instance::new(store, module.clone(), &imports, &[]).expect("an instance");
        instance.apply_segments().expect("segments fit");
        Self {
            store,
            module,
            instance,
            interruptions: Cell::new(0),
        }
    }

    /// Names of the exported functions that take a number of rounds and return an i64.
    fn names(&self) -> Vec<String> {
        let module = self.module.module();
        let fits = |kind| match kind {
            ExportKind::Function(f) => *module.function_type(f).results == [ValType::I64],
            _ => false,
        };
        let exports = module.exports.iter().filter(|e| fits(e.kind));
        exports.map(|e| e.name.to_string()).collect()
    }

    fn number(&self, name: &str) -> u32 {
        let module = self.module.module();
        let export = module.exports.iter().find(|e| e.name == name);
        match export.expect("it is exported").kind {
            ExportKind::Function(f) => self.instance.function(f),
            _ => panic!("{name} is no function"),
        }
    }

    /// Calls an export with these slots. `begin` is called just before.
    fn call(&self, name: &str, args: &[u64], begin: impl FnOnce()) -> Ran {
        let number = self.number(name);
        for (slot, arg) in args.iter().enumerate() {
            self.store.set_slot(slot, *arg);
        }
        begin();
        let mut outcome = self.store.start(number);
        loop {
            outcome = match outcome {
                Outcome::Returned => return Ran::Returned(self.store.slot(0)),
                Outcome::Trapped(trap) => return Ran::Trapped(trap),
                Outcome::Interrupted { depth } => {
                    self.interruptions.set(self.interruptions.get() + 1);
                    disturb(self.store);
                    self.store.resume_at(depth, false)
                }
                Outcome::CallHost { function, depth } => {
                    let [a, b] = [self.store.slot(0), self.store.slot(1)];
                    if function == self.instance.first_host_function() {
                        let mixed = u64::from(a as u32).wrapping_mul(31).wrapping_add(b);
                        self.store.set_slot(0, mixed);
                    } else {
                        self.store.set_slot(0, b.rotate_left(3));
                        self.store.set_slot(1, (f64::from_bits(a) / 1.5).to_bits());
                    }
                    self.store.resume_at(depth, false)
                }
                other => panic!("{name}: {other:?}"),
            };
        }
    }
}

const BASELINE: Options = Options {
    first: Tier::Baseline,
    threshold: i32::MAX,
    in_background: true,
    eager: false,
};
const OPTIMIZED: Options = Options {
    first: Tier::Optimized,
    threshold: 0,
    in_background: true,
    eager: false,
};
/// Loops change over while they run.
const HOT: Options = Options {
    first: Tier::Baseline,
    threshold: 1,
    in_background: true,
    eager: false,
};

// ---- single steps

const TRAP_FLAG: i64 = 0x100;

thread_local! {
    static STEPS: Steps = const { Steps {
        stepping: Cell::new(false),
        diverted: Cell::new(false),
        skip: Cell::new(false),
        count: Cell::new(0),
        places: RefCell::new(None),
    } };
}

struct Steps {
    stepping: Cell<bool>,
    /// The guest was sent to the code that saves its state.
    diverted: Cell<bool>,
    /// The instruction was interrupted before, and is to be executed now.
    skip: Cell<bool>,
    count: Cell<usize>,
    /// Addresses that were interrupted.
    places: RefCell<Option<HashSet<i64>>>,
}

/// After every instruction: interrupts the guest, if that can be, but at no place twice in a row.
extern "C" fn step(_: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel's argument.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    STEPS.with(|steps| {
        if !steps.stepping.get() || steps.diverted.take() {
            // The flags that the guest gets back have the trap flag already; the host is to run without.
            registers[libc::REG_EFL as usize] &= !TRAP_FLAG;
            return;
        }
        if steps.skip.take() {
            return;
        }
        let pc = registers[libc::REG_RIP as usize];
        let store = Store::current().expect("there is one");
        // SAFETY: this is a handler on the store's thread.
        if unsafe { store.tick(context) } {
            steps.diverted.set(true);
            steps.skip.set(true);
            steps.count.set(steps.count.get() + 1);
            // The guest is in generated code and so allocates nothing now.
            if let Some(places) = &mut *steps.places.borrow_mut() {
                places.insert(pc);
            }
        }
    });
}

fn install_step() {
    // SAFETY: all zero is a valid `sigaction`; the handler has the right signature.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = step as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &action, null_mut()), 0);
    }
}

fn set_trap_flag() {
    // SAFETY: from here on there is a handler for what this causes.
    unsafe { asm!("pushfq", "or qword ptr [rsp], {flag}", "popfq", flag = const TRAP_FLAG) };
}

impl Guest {
    /// The same with an interruption before each instruction; how many there were.
    fn call_stepping(&self, name: &str, args: &[u64]) -> (Ran, usize) {
        STEPS.with(|steps| {
            steps.count.set(0);
            steps.stepping.set(true);
        });
        let ran = self.call(name, args, set_trap_flag);
        STEPS.with(|steps| {
            // The next step ends it.
            steps.stepping.set(false);
            steps.skip.set(false);
            steps.diverted.set(false);
            (ran, steps.count.get())
        })
    }
}

/// Calls each program with `warm` rounds and then, step by step, with `rounds`.
fn single_steps(options: Options, warm: u64, rounds: u64) {
    let (guest, reference) = (Guest::new(options), Guest::new(OPTIMIZED));
    // Handlers, and what saves the state, are to be ready; no timer is to come in between.
    let never = Some(Duration::from_secs(3600));
    guest.store.interrupt_every(never).expect("timers");
    install_step();
    STEPS.with(|steps| *steps.places.borrow_mut() = Some(HashSet::with_capacity(1 << 16)));
    let start = Instant::now();
    let mut all = 0;
    for name in guest.names() {
        let (warm, rounds) = match name.as_str() {
            "overflow" => continue,
            "fib" => (2, rounds.min(9)),
            // Runtime functions are long, step by step.
            "memory" if warm == rounds => (warm, rounds.min(8)),
            _ => (warm, rounds),
        };
        reference.call(&name, &[warm], || ());
        guest.call(&name, &[warm], || ());
        let undisturbed = reference.call(&name, &[rounds], || ());
        let before = guest.interruptions.get();
        let (ran, count) = guest.call_stepping(&name, &[rounds]);
        assert_eq!(ran, undisturbed, "{name} after {count} interruptions");
        assert!(count as u64 > 2 * rounds, "{name}: {count} interruptions");
        assert!(guest.interruptions.get() - before >= count, "{name}");
        all += count;
    }
    guest.call("references", &[warm, 5, 6], || ());
    let (ran, count) = guest.call_stepping("references", &[rounds, 5, 6]);
    let Ran::Returned(slot) = ran else {
        panic!("{ran:?}");
    };
    assert_eq!(slot as u32, if rounds.is_multiple_of(2) { 6 } else { 5 });
    let places = STEPS.with(|steps| steps.places.borrow().as_ref().map_or(0, HashSet::len));
    println!(
        "{} interruptions at {places} instructions, {:?}",
        all + count,
        start.elapsed()
    );
    assert!(places > 500, "only {places} instructions");
}

#[test]
fn every_instruction_baseline() {
    single_steps(BASELINE, 40, 40);
}

#[test]
fn every_instruction_optimized() {
    single_steps(OPTIMIZED, 40, 40);
}

#[test]
fn every_instruction_changing_over() {
    // Threads cannot be started in single steps: the first signal would find all of them blocked.
    Guest::new(HOT).call("integers", &[40], || ());
    // The count is reached three times: better code is asked for, that of the loop, and entered.
    let options = Options {
        first: Tier::Baseline,
        threshold: 30,
        in_background: true,
        eager: false,
    };
    single_steps(options, 2, 90);
}

const OLDER: &str = "WRT_TEST_OLDER_PROCESSOR";

/// Does nothing but in a process of its own, see below: it changes how all threads save registers.
#[test]
fn as_older_processor() {
    if let Ok(older) = std::env::var(OLDER) {
        wrt::arch::save_as_older_processors(older == "xsave");
        single_steps(OPTIMIZED, 20, 20);
    }
}

#[test]
fn every_instruction_on_older_processors() {
    for older in ["xsave", "fxsave"] {
        let mut this = std::process::Command::new(std::env::current_exe().expect("this test"));
        this.args(["as_older_processor", "--exact"]);
        let output = this.env(OLDER, older).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{older}: {text}");
        assert!(text.contains("1 passed"), "{older}: {text}");
    }
}

// ---- random moments

#[test]
fn random_moments() {
    for options in [BASELINE, OPTIMIZED, HOT] {
        let guest = Guest::new(options);
        let rounds = |name: &str| match name {
            "overflow" => 0,
            "fib" => 22,
            "imports" => 20_000,
            _ => 50_000,
        };
        let expected: Vec<_> = guest
            .names()
            .into_iter()
            .map(|name| (guest.call(&name, &[rounds(&name)], || ()), name))
            .collect();
        guest
            .store
            .interrupt_every(Some(Duration::from_micros(20)))
            .expect("timers");
        // On a busy machine there are fewer.
        let start = Instant::now();
        while guest.interruptions.get() < 8_000 && start.elapsed() < Duration::from_secs(30) {
            for (undisturbed, name) in &expected {
                let ran = guest.call(name, &[rounds(name)], || ());
                assert_eq!(ran, *undisturbed, "{name}");
            }
        }
        guest.store.interrupt_every(None).expect("no timers");
        let count = guest.interruptions.get();
        println!("{options:?}: {count} interruptions");
        assert!(count > 1_000, "only {count} interruptions");
    }
}

/// A loop of nothing but runtime functions spends hardly any time where it can be interrupted.
#[test]
fn runtime_functions_do_not_hold_the_thread() {
    let text = r#"(module (memory 1024)
        (func (export "long") (loop $l
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864))
            (memory.copy (i32.const 1) (i32.const 0) (i32.const 67108863)) br $l))
        (func (export "short") (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000)) br $l)))"#;
    let bytes = wat::parse_str(text).expect("the text is right");
    let module = CompiledModule::new(bytes, OPTIMIZED).expect("the module is valid");
    let store = Store::current().expect("a store");
    let instance = Instance::new(store, module, &[], &[]).expect("an instance");
    store
        .interrupt_every(Some(Duration::from_millis(2)))
        .expect("timers");
    for function in 0..2 {
        let mut outcome = store.start(instance.function(function));
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let Outcome::Interrupted { depth } = outcome else {
                panic!("{outcome:?}");
            };
            let start = Instant::now();
            outcome = store.resume_at(depth, false);
            slowest = slowest.max(start.elapsed());
        }
        println!("slowest: {slowest:?}");
        assert!(slowest < Duration::from_millis(500), "{slowest:?}");
        store.abandon(1);
    }
    store.interrupt_every(None).expect("no timers");
}
