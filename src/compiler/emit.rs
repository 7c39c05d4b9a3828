//! What function bodies and trampolines have in common.

use super::signature::{self, POINTER};
use crate::module::ValType;
use crate::runtime::Trap;
use crate::runtime::vm::{BUILTINS, VMCTX_STACK_LIMIT, VMCTX_THREAD};
use cranelift_codegen::entity::EntitySet;
use cranelift_codegen::ir::{
    AliasRegionData, Block, BlockArg, Endianness, Function, GlobalValueData, Inst, InstBuilder,
    MemFlagsData, SigRef, TrapCode, Type, Value, types,
};
use cranelift_frontend::{FunctionBuilder, Variable};

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
    base: Option<Base>,
}

/// Where code finds the base of the memory that it uses most, the first.
struct Base {
    variable: Variable,
    /// Of the base in the context.
    offset: i32,
    loads: Vec<Inst>,
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
            base: None,
        })
    }

    /// From here on the base of a memory, at this offset of the context, is a variable that is loaded again after
    /// each call. It could stay as it is, but the register allocator has a value that lives across calls
    /// in the frame, and then loads it for each single use.
    pub fn keep_base(&mut self, offset: i32) {
        let variable = self.b.declare_var(POINTER);
        self.base = Some(Base {
            variable,
            offset,
            loads: Vec::new(),
        });
        self.load_base();
    }

    /// To be called after each call, and where a handler begins.
    pub fn load_base(&mut self) {
        if let Some(base) = &mut self.base {
            // Not as something that never changes: all such loads would be one.
            let (flags, ins) = (self.flags.head, self.b.ins());
            let value = ins.load(POINTER, flags, self.vmctx, base.offset);
            self.b.def_var(base.variable, value);
            if let Some(inst) = self.b.func.dfg.value_def(value).inst() {
                base.loads.push(inst);
            }
        }
    }

    /// The base that is kept, if it is this one.
    pub fn kept_base(&mut self, offset: i32) -> Option<Value> {
        let base = self.base.as_ref().filter(|base| base.offset == offset)?;
        Some(self.b.use_var(base.variable))
    }

    /// Takes out loads of the base that nothing needs, which Cranelift does not. To be called when all blocks are sealed.
    pub fn drop_loads(&mut self) {
        let Some(base) = self.base.take() else {
            return;
        };
        let func = &mut *self.b.func;
        let mut used = EntitySet::with_capacity(func.dfg.num_values());
        for block in func.layout.blocks() {
            for inst in func.layout.block_insts(block) {
                for value in func.dfg.inst_values(inst) {
                    used.insert(func.dfg.resolve_aliases(value));
                }
            }
        }
        for inst in base.loads {
            if !used.contains(func.dfg.first_result(inst)) {
                func.layout.remove_inst(inst);
            }
        }
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
