//! What function bodies and trampolines have in common.

use super::signature::{self, POINTER};
use crate::module::ValType;
use crate::runtime::Trap;
use crate::runtime::vm::{BUILTINS, VMCTX_STACK_LIMIT, VMCTX_THREAD};
use cranelift_codegen::ir::{
    AliasRegionData, Block, BlockArg, Endianness, Function, GlobalValueData, InstBuilder,
    MemFlagsData, SigRef, TrapCode, Type, Value, types,
};
use cranelift_frontend::FunctionBuilder;

/// The kinds of memory that generated code reads and writes. No address belongs to two of them, so
/// that a store to one leaves what is known of the others.
#[derive(Clone, Copy)]
enum Region {
    /// Linear memories.
    Heap,
    /// Elements of tables.
    Table,
    Global,
    /// Sizes and places that only runtime functions change: heads of memories and tables.
    Head,
    /// The scratch memory that JavaScript sees.
    Scratch,
    /// Function references and code tables, which generated code never writes.
    Reference,
    /// Counters of functions.
    Counter,
}

const REGIONS: [(Region, &str); 7] = [
    (Region::Heap, "memory"),
    (Region::Table, "table"),
    (Region::Global, "global"),
    (Region::Head, "head"),
    (Region::Scratch, "scratch"),
    (Region::Reference, "reference"),
    (Region::Counter, "counter"),
];

/// Flags of the accesses that generated code makes.
#[derive(Clone, Copy)]
pub(super) struct Flags {
    /// Fields that never change while an instance lives and can be read at any time.
    pub fixed: MemFlagsData,
    /// Linear memory: traps where it ends, may be unaligned.
    pub heap: MemFlagsData,
    pub table: MemFlagsData,
    pub global: MemFlagsData,
    pub head: MemFlagsData,
    pub scratch: MemFlagsData,
    pub reference: MemFlagsData,
    /// The same, of a reference that may be null.
    pub nullable: MemFlagsData,
    pub counter: MemFlagsData,
}

impl Flags {
    fn new(func: &mut Function) -> Self {
        let mut region = |region: Region| {
            let (_, description) = REGIONS[region as usize];
            Some(func.dfg.alias_regions.insert(AliasRegionData {
                user_id: region as u32,
                description: description.into(),
            }))
        };
        let trusted = MemFlagsData::trusted();
        let reference = trusted.with_alias_region(region(Region::Reference));
        Self {
            fixed: trusted.with_readonly().with_can_move(),
            heap: MemFlagsData::new()
                .with_trap_code(Some(trap_code(Trap::MemoryOutOfBounds)))
                .with_endianness(Endianness::Little)
                .with_alias_region(region(Region::Heap)),
            table: trusted.with_alias_region(region(Region::Table)),
            // Not "aligned": a v128 in the scratch memory is aligned to 8 bytes only, and alignment
            // gains nothing anywhere else.
            global: MemFlagsData::new()
                .with_notrap()
                .with_alias_region(region(Region::Global)),
            head: trusted.with_alias_region(region(Region::Head)),
            scratch: MemFlagsData::new()
                .with_notrap()
                .with_alias_region(region(Region::Scratch)),
            reference,
            nullable: reference.with_trap_code(Some(trap_code(Trap::NullReference))),
            counter: trusted.with_alias_region(region(Region::Counter)),
        }
    }
}

/// The code by which Cranelift knows a trap: its number.
pub(super) const fn trap_code(trap: Trap) -> TrapCode {
    TrapCode::unwrap_user(trap as u8)
}

/// Emits instructions into one function.
pub(super) struct Emitter<'b> {
    pub b: FunctionBuilder<'b>,
    /// The context of the instance that the function belongs to.
    pub vmctx: Value,
    pub flags: Flags,
    pub entry: Block,
    /// Where exceptions go from the current position; `None`: out of the function.
    pub handler: Option<Block>,
    pub(super) builtin_signatures: [Option<SigRef>; BUILTINS],
}

impl<'b> Emitter<'b> {
    /// Starts a function: makes its entry block. The caller sets `vmctx`, which is the first
    /// parameter until then.
    pub fn new(mut b: FunctionBuilder<'b>) -> Result<Self, String> {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let vmctx = b
            .block_params(entry)
            .first()
            .copied()
            .ok_or("function without context")?;
        let flags = Flags::new(b.func);
        Ok(Self {
            b,
            vmctx,
            flags,
            entry,
            handler: None,
            builtin_signatures: [None; BUILTINS],
        })
    }

    /// Lets the prologue compare the stack pointer with the limit.
    pub fn check_stack(&mut self) -> Result<(), String> {
        let flags = self.b.func.dfg.mem_flags.insert(self.flags.fixed);
        let flags = flags.map_err(|_| "too many kinds of memory access")?;
        let vmctx = self.b.create_global_value(GlobalValueData::VMContext);
        let limit = self.b.create_global_value(GlobalValueData::Load {
            base: vmctx,
            offset: VMCTX_STACK_LIMIT.into(),
            global_type: POINTER,
            flags,
        });
        self.b.func.stack_limit = Some(limit);
        Ok(())
    }

    /// Flags of accesses to global `index`, which no other global shares memory with.
    pub fn own_global(&mut self, index: u32) -> MemFlagsData {
        let region = self.b.func.dfg.alias_regions.insert(AliasRegionData {
            user_id: REGIONS.len() as u32 + index,
            description: "a global".into(),
        });
        self.flags.global.with_alias_region(Some(region))
    }

    /// Loads a field of the context that never changes.
    pub fn fixed(&mut self, ty: Type, offset: i32) -> Value {
        self.b.ins().load(ty, self.flags.fixed, self.vmctx, offset)
    }

    /// The thread that runs the function.
    pub fn thread(&mut self) -> Value {
        self.fixed(POINTER, VMCTX_THREAD)
    }

    pub fn i32_const(&mut self, value: i32) -> Value {
        self.b.ins().iconst(types::I32, i64::from(value))
    }

    /// `value` as it passes through block parameters, locals and calls.
    pub fn canonical(&mut self, value: Value) -> Value {
        if self.b.func.dfg.value_type(value).is_vector() {
            self.as_vector(value, types::I8X16)
        } else {
            value
        }
    }

    /// The v128 `value` as lanes of type `ty`.
    pub fn as_vector(&mut self, value: Value, ty: Type) -> Value {
        if self.b.func.dfg.value_type(value) == ty {
            return value;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(ty, flags, value)
    }

    /// Appends a parameter for each of `types` to `block`.
    pub fn append_params(&mut self, block: Block, types: &[ValType]) {
        for ty in types {
            self.b.append_block_param(block, signature::ir_type(*ty));
        }
    }

    /// Ends the current block with a jump.
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        let args: Vec<BlockArg> = args.iter().map(|arg| BlockArg::Value(*arg)).collect();
        self.b.ins().jump(block, &args);
    }
}
