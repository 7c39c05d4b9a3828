use super::*;

fn decode(text: &str) -> Module {
    Module::decode(wat::parse_str(text).unwrap()).unwrap()
}

fn error(bytes: &[u8]) -> String {
    let error = Module::decode(bytes.to_vec()).unwrap_err();
    assert_eq!(Module::validate(bytes).unwrap_err(), error);
    error.to_string()
}

#[test]
fn every_part_of_a_module_is_decoded() {
    let module = decode(
        r#"(module
            (type $t (func (param i32 i64) (result f32 v128)))
            (import "env" "f" (func $f (type $t)))
            (import "env" "g" (global $g (mut f64)))
            (import "env" "t" (table $t 1 2 externref))
            (memory (export "m") 1 3)
            (table $u 5 funcref)
            (global $a i32 (i32.const 7))
            (global $b (export "b") funcref (ref.func $h))
            (global $c externref (ref.null extern))
            (func $h (export "h"))
            (func $i)
            (func $j)
            (start $i)
            (elem (table $u) (i32.const 1) func $f $h)
            (elem declare func $j)
            (elem funcref (ref.null func))
            (data (i32.const 16) "abc")
            (data "de")
            (@custom "note" "xyz"))"#,
    );
    assert_eq!(
        *module.function_type(0),
        FuncType {
            params: [ValType::I32, ValType::I64].into(),
            results: [ValType::F32, ValType::V128].into()
        }
    );
    assert_eq!(
        (
            module.imported_functions,
            module.imported_globals,
            module.imported_tables,
            module.imported_memories
        ),
        (1, 1, 1, 0)
    );
    assert_eq!(module.functions.len(), 4);
    assert_eq!(module.bodies.len(), 3);
    assert_eq!(
        module.imports[2].kind,
        ImportKind::Table(TableType {
            element: ValType::EXTERNREF,
            address: AddressType::I32,
            limits: Limits {
                min: 1,
                max: Some(2)
            }
        })
    );
    assert_eq!(
        module.memories[0].limits,
        Limits {
            min: 1,
            max: Some(3)
        }
    );
    assert_eq!(module.global_in_cell, [true, false, true, false]);
    assert_eq!(
        module.global_inits,
        [ConstExpr::I32(7), ConstExpr::RefFunc(1), ConstExpr::RefNull]
    );
    assert_eq!(module.start, Some(2));
    assert_eq!(module.func_refs, [0, 1, 2, 3]);
    assert_eq!(module.func_ref_position(2), Some(2));
    assert!(matches!(
        &module.elements[0].mode,
        SegmentMode::Active(Place {
            index: 1,
            offset: ConstExpr::I32(1)
        })
    ));
    assert_eq!(
        module.elements[0].items,
        [ConstExpr::RefFunc(0), ConstExpr::RefFunc(1)]
    );
    assert!(matches!(module.elements[1].mode, SegmentMode::Declared));
    assert_eq!(module.elements[2].items, [ConstExpr::RefNull]);
    assert_eq!(&module.bytes[module.data[0].bytes.clone()], b"abc");
    assert_eq!(&module.bytes[module.data[1].bytes.clone()], b"de");
    let (name, contents) = module
        .custom_sections
        .iter()
        .find(|(name, _)| name == "note")
        .unwrap();
    assert_eq!(
        (name.as_str(), &module.bytes[contents.clone()]),
        ("note", &b"xyz"[..])
    );
}

#[test]
fn header_errors_name_the_bytes() {
    assert_eq!(error(b""), "BufferSource argument is empty @+0");
    assert_eq!(error(b"\0as"), "expected 4 bytes, fell off end @+0");
    assert_eq!(
        error(&[1, 2, 3, 4]),
        "expected magic word 00 61 73 6d, found 01 02 03 04 @+0"
    );
    assert_eq!(error(b"\0asm\x01"), "expected 4 bytes, fell off end @+4");
    assert_eq!(
        error(b"\0asm\x02\0\0\0"),
        "expected version 01 00 00 00, found 02 00 00 00 @+4"
    );
    assert_eq!(
        error(b"\0asm\x0d\0\x01\0"),
        "expected version 01 00 00 00, found 0d 00 01 00 @+4"
    );
    assert!(Module::decode(b"\0asm\x01\0\0\0".to_vec()).is_ok());
}

#[test]
fn errors_in_bodies_name_the_function_of_lowest_index() {
    // Large enough to be validated in parallel; functions 2000 and 3000 are wrong.
    let mut text = String::from("(module (import \"a\" \"b\" (func))");
    for i in 1..4000 {
        let body = if i % 1000 == 0 && i >= 2000 {
            "i64.const 1"
        } else {
            "i32.const 1"
        };
        text.push_str(&format!(
            "(func (result i32) (local i64) {} {body})",
            "nop ".repeat(20)
        ));
    }
    text.push(')');
    for _ in 0..5 {
        let message = error(&wat::parse_str(&text).unwrap());
        assert!(
            message.starts_with("Compiling function #2000 failed: type mismatch"),
            "{message}"
        );
    }
    let message = error(&wat::parse_str("(module (func drop))").unwrap());
    assert!(
        message.starts_with("Compiling function #0 failed: "),
        "{message}"
    );
}

#[test]
fn newer_features_are_refused() {
    for text in [
        "(module (type (struct)))",
        "(module (type (array i8)))",
        "(module (type (func (param anyref))))",
        "(module (global eqref (ref.null eq)))",
        "(module (table 1 i31ref))",
        "(module (func (local structref)))",
        "(module (func (drop (ref.null none))))",
        "(module (func (block (result arrayref) (unreachable)) drop))",
        "(module (func (drop (ref.i31 (i32.const 1)))))",
        "(module (func (unreachable) (drop (array.len))))",
    ] {
        error(&wat::parse_str(text).unwrap());
    }
}

#[test]
fn shared_memories_have_a_maximum() {
    let module = decode("(module (memory 1) (memory 1 2 shared))");
    let shared: Vec<_> = module.memories.iter().map(|ty| ty.shared).collect();
    assert_eq!(shared, [false, true]);
    // The text format cannot say that: flags "shared" without "maximum".
    error(b"\0asm\x01\0\0\0\x05\x03\x01\x02\x01");
}

#[test]
fn limits_of_the_javascript_interface_hold() {
    error(&wat::parse_str("(module (table 10000001 funcref))").unwrap());
    decode("(module (table 10000000 0xffffffff funcref))");
    decode("(module (import \"a\" \"b\" (table 10000001 funcref)))");
    error(&wat::parse_str("(module (memory 65537))").unwrap());
    let params = |n: usize| format!("(module (func (param {})))", "i32 ".repeat(n));
    decode(&params(1000));
    error(&wat::parse_str(params(1001)).unwrap());
    let results = |n: usize| format!("(module (type (func (result {}))))", "i32 ".repeat(n));
    decode(&results(1000));
    error(&wat::parse_str(results(1001)).unwrap());
    let locals = |n: usize| format!("(module (func (local {})))", "i32 ".repeat(n));
    decode(&locals(50_000));
    error(&wat::parse_str(locals(50_001)).unwrap());
}

fn number(value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    wasm_encoder::Encode::encode(&(value as u32), &mut bytes);
    bytes
}

fn section(id: u8, count: usize, items: &[u8]) -> Vec<u8> {
    let count = number(count);
    let size = number(count.len() + items.len());
    [&[id], size.as_slice(), &count, items].concat()
}

/// A module of these sections behind the type `[] -> []`.
fn sections(sections: &[Vec<u8>]) -> Vec<u8> {
    let types = section(1, 1, &[0x60, 0, 0]);
    [b"\0asm\x01\0\0\0".as_slice(), &types, &sections.concat()].concat()
}

#[test]
fn as_many_imports_and_exports_as_the_javascript_interface_says() {
    let imports = |n: usize| section(2, n, &[0, 0, 0, 0].repeat(n));
    let module = Module::decode(sections(&[imports(1_000_000)])).unwrap();
    assert_eq!(module.imported_functions, 1_000_000);
    let message = error(&sections(&[imports(1_000_001)]));
    assert!(
        message.starts_with("imports count of 1000001 exceeds internal limit of 1000000"),
        "{message}"
    );
    let exports = |n: usize| {
        let names = (0..n).map(|i| format!("\x07{i:07}\0\0"));
        section(7, n, names.collect::<String>().as_bytes())
    };
    let module = Module::decode(sections(&[imports(1), exports(1_000_000)])).unwrap();
    assert_eq!(module.exports.len(), 1_000_000);
    error(&sections(&[imports(1), exports(1_000_001)]));
}

#[test]
fn imported_functions_and_tags_come_before_the_module_s_own() {
    decode(
        r#"(module (import "" "" (func $a (param i32))) (import "" "" (global $g f32)) (import "" "" (tag $t (param f64)))
            (import "" "" (func $b (param i64))) (tag $u (param f32))
            (func $c (param f32) (call $a (i32.const 1)) (call $b (i64.const 1)) (call $c (global.get $g)))
            (func $d (param f64) (if (i32.const 1) (then (throw $t (local.get 0)))) (throw $u (f32.const 1))))"#,
    );
    for text in [
        r#"(module (import "" "" (func (type 3))))"#,
        r#"(module (import "" "" (tag (type 3))))"#,
        r#"(module (type (func (result i32))) (import "" "" (tag (type 0))))"#,
        r#"(module (import "" "" (func $a (param i32))) (func $c (param f32) (call $a (f32.const 1))))"#,
        r#"(module (import "" "" (func $a (param i32))) (func $c (param f32) (call 2 (f32.const 1))))"#,
        r#"(module (import "" "" (tag $a (param i32))) (func (throw $a (f32.const 1))))"#,
    ] {
        error(&wat::parse_str(text).unwrap());
    }
}

#[test]
fn exports_are_checked() {
    decode(r#"(module (func (export "a") (export "b")) (memory (export "") 1))"#);
    for (text, message) in [
        (
            r#"(module (func (export "a")) (func (export "a")))"#,
            "Duplicate export name 'a' for function 0 and function 1 @+27",
        ),
        (
            r#"(module (export "a" (table 0)))"#,
            "table index 0 out of bounds (0 entries) @+14",
        ),
        (
            r#"(module (global i32 (i32.const 1)) (export "a" (global 1)))"#,
            "global index 1 out of bounds (1 entry) @+22",
        ),
        (
            r#"(module (tag) (export "a" (tag 7)))"#,
            "tag index 7 out of bounds (1 entry) @+25",
        ),
        (
            r#"(module (memory 1) (export "a" (memory 7)))"#,
            "invalid exported memory index 7 (having 1 memory) @+19",
        ),
    ] {
        assert_eq!(error(&wat::parse_str(text).unwrap()), message);
    }
}

#[test]
fn functions_are_declared_by_what_may_name_them() {
    for declaration in [
        "(export \"a\" (func $f))",
        "(elem declare func $f)",
        "(elem funcref (ref.func $f))",
        "(global funcref (ref.func $f))",
    ] {
        decode(&format!(
            "(module {declaration} (func $f) (func (drop (ref.func $f))))"
        ));
    }
    for text in [
        "(module (start $f) (func $f) (func (drop (ref.func $f))))",
        "(module (func $f) (func (drop (ref.func $f))))",
    ] {
        error(&wat::parse_str(text).unwrap());
    }
}

/// A module with `n` passive segments of no functions and then `last`, and a function of these instructions.
fn segments(n: usize, last: &[u8], body: &[u8]) -> Vec<u8> {
    let items = [[1, 0, 0].repeat(n).as_slice(), last].concat();
    let body = [&[0], body, &[0x0b]].concat();
    let code = [number(body.len()).as_slice(), &body].concat();
    sections(&[
        section(3, 1, &[0]),
        section(4, 1, &[0x70, 0, 9]),
        section(9, n + 1, &items),
        section(10, 1, &code),
    ])
}

#[test]
fn more_element_segments_than_one_validator_takes() {
    const MANY: usize = 250_000;
    let function = [1, 0, 1, 0];
    // i32.const 0, three times; table.init.
    let init = |segment: usize| {
        let segment = number(segment);
        [&[0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12], &*segment, &[0]].concat()
    };
    // ref.func 0; drop.
    let body = [init(MANY).as_slice(), &[0xd2, 0, 0x1a]].concat();
    let module = Module::decode(segments(MANY, &function, &body)).unwrap();
    assert_eq!(module.elements.len(), MANY + 1);
    assert_eq!(module.elements[MANY].items, [ConstExpr::RefFunc(0)]);
    // The function is not declared; no such function; no such segment; a segment of another type.
    error(&segments(MANY, &[1, 0, 0], &body));
    error(&segments(MANY, &[1, 0, 1, 1], &init(MANY)));
    error(&segments(MANY, &function, &init(MANY + 1)));
    error(&segments(MANY, &[5, 0x6f, 0], &init(MANY)));
    // No such table.
    error(&segments(MANY, &[2, 1, 0x41, 0, 0x0b, 0, 0], &[]));
}

#[test]
fn malformed_contents_of_custom_sections_are_ignored() {
    // A "name" section of one byte that is no subsection.
    let module = Module::decode(b"\0asm\x01\0\0\0\0\x06\x04name\xff".to_vec()).unwrap();
    assert_eq!(module.custom_sections, [("name".to_owned(), 15..16)]);
}

#[test]
fn truncated_and_corrupted_modules_never_panic() {
    let bytes = wat::parse_str(
        r#"(module (import "a" "b" (func (param i32))) (memory 1) (table 1 funcref) (global i32 (i32.const 1))
            (func (export "f") (param i32) (result i32) (block (br_if 0 (local.get 0))) (i32.load (local.get 0)))
            (elem (i32.const 0) 0) (data (i32.const 0) "x"))"#,
    )
    .unwrap();
    for end in 0..bytes.len() {
        let _ = Module::validate(&bytes[..end]);
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x40, 0x7f, 0x80, 0xff] {
            let mut copy = bytes.clone();
            copy[at] = value;
            let _ = Module::decode(copy);
        }
    }
}
