use super::*;
use wat::parse_str;

fn often(_: u32) -> Calls {
    Calls::OftenFromOnePlace
}

fn module(text: &str) -> (Module, VMOffsets) {
    let module = Module::decode(parse_str(text).unwrap()).unwrap();
    let offsets = VMOffsets::new(&module);
    (module, offsets)
}

fn compile(text: &str) -> (Module, CompiledFunction) {
    let (module, offsets) = module(text);
    let compiled = Compiler::new()
        .unwrap()
        .function(&module, &offsets, 0, Tier::Optimized, &often);
    (module, compiled.unwrap())
}

/// The traps of the only function of a module, with the opcodes that they belong to.
fn traps(text: &str) -> Vec<(Trap, u8)> {
    let (module, compiled) = compile(text);
    let site = |site: &TrapSite| Some((site.trap?, module.bytes[site.wasm_offset as usize]));
    let mut traps: Vec<_> = compiled.traps.iter().filter_map(site).collect();
    traps.sort_by_key(|(trap, opcode)| (*trap as u8, *opcode));
    traps.dedup();
    traps
}

#[test]
fn the_compiler_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Compiler>();
}

#[test]
fn divisions_and_conversions_have_their_own_traps() {
    let binary = |op: &str| {
        traps(&format!(
            "(module (func (param i32 i32) (result i32) ({op} (local.get 0) (local.get 1))))"
        ))
    };
    let signed = [(Trap::DivideByZero, 0x6d), (Trap::IntegerOverflow, 0x6d)];
    assert_eq!(binary("i32.div_s"), signed);
    assert_eq!(binary("i32.div_u"), [(Trap::DivideByZero, 0x6e)]);
    assert_eq!(binary("i32.rem_s"), [(Trap::RemainderByZero, 0x6f)]);
    assert_eq!(binary("i32.rem_u"), [(Trap::RemainderByZero, 0x70)]);
    for (op, opcode) in [("i32.trunc_f64_s", 0xaa), ("i64.trunc_f64_u", 0xb1)] {
        let ty = &op[..3];
        let text = format!("(module (func (param f64) (result {ty}) ({op} (local.get 0))))");
        assert_eq!(traps(&text), [(Trap::BadConversion, opcode)]);
    }
}

#[test]
fn constant_divisors_trap_no_more_than_they_must() {
    let text = "(module (func (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 3))))";
    assert_eq!(traps(text), []);
}

#[test]
fn accesses_of_memory_trap_at_the_access() {
    let text = "(module (memory 1) (func (param i32) (result i32) (i32.load (local.get 0))))";
    assert_eq!(traps(text), [(Trap::MemoryOutOfBounds, 0x28)]);
    let far = "(module (memory 1)
        (func (param i32) (result i32) (i32.load offset=0x80000000 (local.get 0))))";
    assert_eq!(traps(far), [(Trap::MemoryOutOfBounds, 0x28)]);
}

#[test]
fn tables_trap_for_bounds_and_for_types() {
    let text = "(module (table 1 funcref) (func (param i32) (call_indirect (local.get 0))))";
    let expected = [(Trap::TableOutOfBounds, 0x11), (Trap::IndirectCall, 0x11)];
    let traps = traps(text);
    assert_eq!(traps[..2], expected);
    assert_eq!(traps[2].0, Trap::StackOverflow);
}

#[test]
fn vectors_and_atomics_are_left_to_the_first_tier() {
    let texts = [
        "(module (func (param v128 f64) (result v128) (local v128)
            (local.set 2 (i32x4.add (local.get 0) (v128.const i32x4 1 2 3 4)))
            (f64x2.add (local.get 2) (f64x2.splat (local.get 1)))))",
        "(module (memory 1 1 shared) (func (param i32) (result i32)
            (i32.atomic.rmw.add (local.get 0) (i32.atomic.load (local.get 0)))))",
    ];
    for text in texts {
        let (module, offsets) = module(text);
        assert!(direct::compile(&module, &offsets, 0).is_ok(), "{text}");
    }
}

#[test]
fn guards_against_speculation_are_in_every_form_of_the_code() {
    let texts = [
        "(module (memory i64 1) (func (param i64) (result i64)
            (loop (drop (i32.load8_u (local.get 0))) (br_if 0 (i32.const 0)))
            (i64.load offset=8 (local.get 0))))",
        "(module (memory i64 1 (pagesize 1)) (func (param i64) (result i64)
            (loop (drop (i32.load8_u (local.get 0))) (br_if 0 (i32.const 0)))
            (i64.load offset=8 (local.get 0))))",
        "(module (table 1 1 funcref) (func (param i32)
            (loop (call_indirect (local.get 0)) (br_if 0 (i32.const 0)))))",
        "(module (type $t (sub (func))) (table 1 funcref) (func (param i32)
            (loop (call_indirect (type $t) (local.get 0)) (br_if 0 (i32.const 0)))))",
    ];
    // Conditional moves, and what gives all ones or none by a comparison.
    let guards = |code: &[u8]| {
        let is_guard =
            |bytes: &&[u8]| matches!(bytes, [_, 0x0f, 0x40..=0x4f] | [_, 0x19 | 0x1b, 0xdb]);
        code.windows(3).filter(is_guard).count()
    };
    let compiler = Compiler::verifying().unwrap();
    for text in texts {
        let (mut module, offsets) = module(text);
        for tier in [Tier::Baseline, Tier::Optimized, Tier::FromLoop(0)] {
            let mut count = |on| {
                module.features.spectre_guards = on;
                let compiled = compiler.function(&module, &offsets, 0, tier, &often);
                guards(&compiled.unwrap().code)
            };
            let (without, with) = (count(false), count(true));
            assert!(
                without == 0 && with >= 2,
                "{text}, {tier:?}: {without}, {with}"
            );
        }
    }
}

#[test]
fn stack_overflow_belongs_to_the_start_of_the_body() {
    let (module, compiled) = compile("(module (func $f (call $f) (call $f)))");
    let site = compiled
        .traps
        .iter()
        .find(|s| s.trap == Some(Trap::StackOverflow));
    assert_eq!(site.unwrap().wasm_offset as usize, module.bodies[0].start);
}

/// How many direct calls of its start some code has.
fn calls_of_itself(code: &[u8]) -> usize {
    let calls = code.windows(5).enumerate().filter(|(at, bytes)| {
        let distance = i32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
        bytes[0] == 0xe8 && *at as i32 + 5 + distance == 0
    });
    calls.count()
}

#[test]
fn a_call_of_itself_is_direct_and_resolved() {
    let (_, compiled) = compile("(module (func $f (call $f) (call $f)))");
    // Twice it is in itself, and each of the four innermost copies calls it twice.
    assert_eq!(calls_of_itself(&compiled.code), 8);
}

#[test]
fn a_function_that_begins_at_a_loop_calls_the_whole() {
    let (module, offsets) = module("(module (func $f (loop (call $f) (br 0))))");
    let compiler = Compiler::verifying().unwrap();
    let calls = |tier| {
        let compiled = compiler.function(&module, &offsets, 0, tier, &|_| Calls::Rare);
        calls_of_itself(&compiled.unwrap().code)
    };
    assert_eq!((calls(Tier::Optimized), calls(Tier::FromLoop(0))), (1, 0));
}

#[test]
fn small_functions_are_copied_into_callers_where_they_are_hot() {
    let compiler = Compiler::verifying().unwrap();
    let traps = |bytes: usize, calls: Calls| {
        let (module, offsets) = module(&format!(
            "(module
               (func (param i32) (result i32) (i32.add (call $small (i32.const 9)) (local.get 0)) {})
               (func $small (param i32) (result i32) {}
                 (loop (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))) (i32.const 7)))",
            "nop ".repeat(bytes),
            "nop ".repeat(bytes)
        ));
        let compiled = compiler.function(&module, &offsets, 0, Tier::Optimized, &|_| calls);
        let traps = compiled.unwrap().traps;
        traps.iter().filter(|site| site.trap.is_some()).count()
    };
    // A function without a frame does not look at the stack's limit.
    let of = |bytes| {
        [Calls::Rare, Calls::Often, Calls::OftenFromOnePlace].map(|calls| traps(bytes, calls))
    };
    assert_eq!([10, 700, 1000].map(of), [[1, 0, 0], [1, 1, 0], [1, 1, 1]]);
}

#[test]
fn a_call_of_what_is_not_guessed_lies_behind_the_rest() {
    // The function itself is of the callee's type and could be in the table as well.
    let text = |callee: &str| {
        format!(
            "(module (table 1 funcref) (elem (i32.const 0) $f)
               (func (export \"g\") (param i32) (result i32)
                 (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
               (func $f (param i32) (result i32) {callee}))"
        )
    };
    let is_behind = |callee: &str| {
        let (_, compiled) = compile(&text(callee));
        let mut calls = compiled.traps.iter().filter(|site| site.trap.is_none());
        // pop rbp; ret
        let end = compiled
            .code
            .windows(2)
            .position(|code| code == [0x5d, 0xc3]);
        calls.next().unwrap().offset as usize > end.unwrap()
    };
    assert!(is_behind("(i32.mul (local.get 0) (i32.const 3))"));
    let large = "(local.set 0 (i32.mul (local.get 0) (i32.const 12345)))".repeat(200);
    assert!(!is_behind(&format!("{large} local.get 0")));
}

#[test]
fn what_does_not_exist_is_an_error() {
    let (module, offsets) = module("(module (func))");
    let compiler = Compiler::new().unwrap();
    assert!(
        compiler
            .function(&module, &offsets, 1, Tier::Optimized, &often)
            .is_err()
    );
    assert!(
        compiler
            .function(&module, &offsets, u32::MAX, Tier::Optimized, &often)
            .is_err()
    );
    assert!(compiler.host_adapter(&module, &offsets, 0).is_err());
    // The workspace of the thread is usable after errors.
    assert!(
        compiler
            .function(&module, &offsets, 0, Tier::Optimized, &often)
            .is_ok()
    );
}

#[test]
fn wide_branch_tables_with_operands_stay_small() {
    let labels = "0 1 ".repeat(20_000);
    let text = format!(
        "(module (func (param i32) (result i32)
            (block (result i32) (block (result i32)
                (br_table {labels} 0 (i32.const 1) (local.get 0))) (i32.add (i32.const 1)))))"
    );
    let (_, compiled) = compile(&text);
    assert!(compiled.code.len() < 4 * 40_000 + 1000);
}

#[test]
fn deep_nesting_compiles() {
    let depth = 20_000;
    let text = format!(
        "(module (func (param i32) {} (br_if 0 (local.get 0)) {}))",
        "block ".repeat(depth),
        "end ".repeat(depth)
    );
    compile(&text);
}

#[test]
fn functions_of_extreme_size_take_little_time() {
    let locals = 20_000;
    let sums: String = (1..locals)
        .map(|i| format!("(local.set {i} (i64.add (local.get {i}) (local.get 1)))"))
        .collect();
    let text = format!(
        "(module (func (param i32) (local {}) (loop {sums} (br_if 0 (local.get 0)))))",
        "i64 ".repeat(locals)
    );
    let (module, offsets) = module(&text);
    // The verifier, which tests use otherwise, takes far longer than the rest.
    let compiler = Compiler::with_verifier(false).unwrap();
    let start = std::time::Instant::now();
    compiler
        .function(&module, &offsets, 0, Tier::Optimized, &often)
        .unwrap();
    assert!(start.elapsed().as_secs() < 10);
}

#[test]
fn what_hints_call_unlikely_lies_behind_the_rest() {
    // Both arms trap, each in its own way.
    let order = |text: String| {
        let mut traps = compile(&text).1.traps;
        traps.sort_by_key(|site| site.offset);
        let mut order: Vec<Trap> = traps.iter().filter_map(|site| site.trap).collect();
        // A division traps in two places, one of which is out of the way in any case.
        order.retain(|trap| *trap != Trap::StackOverflow);
        order.truncate(2);
        order
    };
    let (load, divide) = (Trap::MemoryOutOfBounds, Trap::DivideByZero);
    let module = |body: &str| format!("(module (memory 1) (func (param i32) (result i32) {body}))");
    let arms = |hint: &str| {
        order(module(&format!(
            "local.get 0 (@metadata.code.branch_hint \"{hint}\") if (result i32)
               local.get 0 if nop end local.get 0 i32.load
             else i32.const 7 local.get 0 i32.div_u end"
        )))
    };
    assert_eq!(arms("\\00"), [divide, load]);
    assert_eq!(arms("\\01"), [load, divide]);
    let over = |hint: &str| {
        order(module(&format!(
            "block local.get 0 (@metadata.code.branch_hint \"{hint}\") br_if 0
               i32.const 7 local.get 0 i32.div_u return end
             local.get 0 i32.load"
        )))
    };
    assert_eq!(over("\\00"), [divide, load]);
    assert_eq!(over("\\01"), [load, divide]);
}

#[test]
fn hints_that_make_no_sense_are_ignored() {
    for section in [
        "\\ff",
        "\\01\\00\\01\\05\\01\\02",
        "\\01\\80\\80\\80\\80\\0f\\01\\ff\\ff\\ff\\ff\\0f\\01\\01",
    ] {
        compile(&format!(
            "(module (@custom \"metadata.code.branch_hint\" (before code) \"{section}\")
               (func (param i32) (if (local.get 0) (then (nop)))))"
        ));
    }
}

#[test]
fn a_large_function_takes_in_few_of_the_bodies_that_it_calls() {
    let add = "(local.set 0 (i32.add (local.get 0) (i32.const 12345)))";
    let calls = |count: usize, own: usize| {
        let text = format!(
            "(module (func (param i32) {} {}) (func $callee (param i32) (result i32) {} local.get 0))",
            add.repeat(own),
            "(local.set 0 (call $callee (local.get 0)))".repeat(count),
            add.repeat(10)
        );
        let (_, compiled) = compile(&text);
        let calls = compiled.traps.iter().filter(|site| site.trap.is_none());
        calls.count()
    };
    assert_eq!(calls(100, 1_000), 0);
    let many = calls(1_000, 10_000);
    assert!((700..1_000).contains(&many), "{many}");
}

#[test]
fn each_case_of_an_interpreter_has_a_jump_of_its_own() {
    let cases = 9;
    // The first `count` cases change a local and go back to the head, all by one block. The first local says what is next.
    let interpreter = |count: usize, local: usize| {
        let labels: String = (0..cases).map(|case| format!(" $c{case}")).collect();
        let table = format!("(br_table {labels} $next (i32.load8_u (local.get 0)))");
        let body = (0..cases).fold(table, |inner, case| {
            let back = if case < count { "(br $next)" } else { "(return)" };
            format!("(block $c{case} {inner}) (local.set {local} (i32.mul (local.get {local}) (i32.const {case}))) {back}")
        });
        let next = "(local.set 0 (i32.add (local.get 0) (i32.const 1))) (br $top)";
        let text = format!(
            "(module (memory 1) (func (param i32 i32) (loop $top (block $next {body}) {next})))"
        );
        let (module, offsets) = module(&text);
        let compiler = Compiler::verifying().unwrap();
        let function = compiler.function(&module, &offsets, 0, Tier::Optimized, &often);
        let code = function.unwrap().code;
        // An add of the table's address and what it says, and a jump there.
        let is_jump = |bytes: &&[u8]| {
            let after = if bytes[3] == 0x41 { 4 } else { 3 };
            matches!(bytes[..2], [0x48..=0x4f, 0x03]) && bytes[after] == 0xff
        };
        code.windows(5).filter(is_jump).count()
    };
    assert_eq!(interpreter(1, 0), 1);
    assert_eq!(interpreter(5, 0), 1 + 5);
    assert_eq!(interpreter(cases, 0), 1 + cases);
    // Where the next is the same after all cases, they have one jump.
    assert_eq!(interpreter(cases, 1), 1);
}
