//! An interpreter: bytecode for a stack machine, one switch.

#[derive(Clone, Copy)]
enum Op {
    Push(i32),
    Load(u8),
    Store(u8),
    Add,
    Sub,
    Mul,
    And,
    Xor,
    Shr(u8),
    Less,
    Jump(u16),
    JumpIf(u16),
    Dup,
    Swap,
    Peek,
    Poke,
    End,
}

#[inline(never)]
fn interpret(code: &[Op], locals: &mut [i32; 16], memory: &mut [i32; 256]) -> i32 {
    let mut stack = [0i32; 64];
    let (mut sp, mut pc) = (0usize, 0usize);
    macro_rules! pop {
        () => {{
            sp -= 1;
            stack[sp & 63]
        }};
    }
    macro_rules! push {
        ($e:expr) => {{
            stack[sp & 63] = $e;
            sp += 1;
        }};
    }
    macro_rules! binary {
        ($f:expr) => {{
            let b = pop!();
            let a = pop!();
            push!($f(a, b));
        }};
    }
    loop {
        let op = code[pc];
        pc += 1;
        match op {
            Op::Push(x) => push!(x),
            Op::Load(i) => push!(locals[(i & 15) as usize]),
            Op::Store(i) => locals[(i & 15) as usize] = pop!(),
            Op::Add => binary!(i32::wrapping_add),
            Op::Sub => binary!(i32::wrapping_sub),
            Op::Mul => binary!(i32::wrapping_mul),
            Op::And => binary!(|a, b| a & b),
            Op::Xor => binary!(|a, b| a ^ b),
            Op::Shr(n) => {
                let a = pop!();
                push!(a >> (n & 31));
            }
            Op::Less => binary!(|a, b| (a < b) as i32),
            Op::Jump(to) => pc = to as usize,
            Op::JumpIf(to) => {
                if pop!() != 0 {
                    pc = to as usize;
                }
            }
            Op::Dup => {
                let a = pop!();
                push!(a);
                push!(a);
            }
            Op::Swap => {
                let b = pop!();
                let a = pop!();
                push!(b);
                push!(a);
            }
            Op::Peek => {
                let a = pop!();
                push!(memory[(a & 255) as usize]);
            }
            Op::Poke => {
                let value = pop!();
                let a = pop!();
                memory[(a & 255) as usize] = value;
            }
            Op::End => return pop!(),
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    // for i in 0..n { m[i] ^= (s = s * 1103515245 + i) >> 7; t += m[i * 3] - (i & s) }
    let code = [
        Op::Load(0),
        Op::Push(1_103_515_245),
        Op::Mul,
        Op::Load(1),
        Op::Add,
        Op::Dup,
        Op::Store(0),
        Op::Shr(7),
        Op::Load(1),
        Op::Peek,
        Op::Xor,
        Op::Load(1),
        Op::Swap,
        Op::Poke,
        Op::Load(1),
        Op::Push(3),
        Op::Mul,
        Op::Peek,
        Op::Load(1),
        Op::Load(0),
        Op::And,
        Op::Sub,
        Op::Load(2),
        Op::Add,
        Op::Store(2),
        Op::Load(1),
        Op::Push(1),
        Op::Add,
        Op::Dup,
        Op::Store(1),
        Op::Load(3),
        Op::Less,
        Op::JumpIf(0),
        Op::Jump(34),
        Op::Load(2),
        Op::End,
    ];
    let mut memory = [0; 256];
    let mut locals = [0; 16];
    (locals[0], locals[3]) = (seed as i32, 3_500_000);
    interpret(&code, &mut locals, &mut memory) as u32
}
