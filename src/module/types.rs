//! Types and small parts of modules, named as in the standard.

use super::canonical::{TypeId, is_subtype};
use std::ops::Range;

/// A value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    I32,
    I64,
    F32,
    F64,
    V128,
    Ref(RefType),
}

/// A reference type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    pub nullable: bool,
    pub heap: HeapType,
}

/// What a reference refers to. Of three hierarchies so far; that of `any` would be the fourth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    Func,
    NoFunc,
    Extern,
    NoExtern,
    Exn,
    NoExn,
    /// A declared type; all are of functions.
    Concrete(TypeId),
}

impl HeapType {
    /// The type above all others of its hierarchy.
    pub fn top(self) -> Self {
        match self {
            Self::Func | Self::NoFunc | Self::Concrete(_) => Self::Func,
            Self::Extern | Self::NoExtern => Self::Extern,
            Self::Exn | Self::NoExn => Self::Exn,
        }
    }

    /// Is it below all others of its hierarchy?
    pub fn is_bottom(self) -> bool {
        matches!(self, Self::NoFunc | Self::NoExtern | Self::NoExn)
    }

    /// Does it stand for values of the host?
    pub fn is_extern(self) -> bool {
        self.top() == Self::Extern
    }

    /// Is it a subtype of `of`?
    pub fn matches(self, of: Self) -> bool {
        match (self, of) {
            (Self::Concrete(a), Self::Concrete(b)) => is_subtype(a.number(), b.number()),
            _ => self == of || self.top() == of || self.is_bottom() && self.top() == of.top(),
        }
    }
}

impl RefType {
    /// Is it a subtype of `of`?
    pub fn matches(self, of: Self) -> bool {
        (of.nullable || !self.nullable) && self.heap.matches(of.heap)
    }
}

impl ValType {
    pub const FUNCREF: Self = Self::nullable(HeapType::Func);
    pub const EXTERNREF: Self = Self::nullable(HeapType::Extern);
    pub const EXNREF: Self = Self::nullable(HeapType::Exn);

    const fn nullable(heap: HeapType) -> Self {
        Self::Ref(RefType {
            nullable: true,
            heap,
        })
    }

    /// Is it a subtype of `of`?
    pub fn matches(self, of: Self) -> bool {
        match (self, of) {
            (Self::Ref(a), Self::Ref(b)) => a.matches(b),
            _ => self == of,
        }
    }

    /// The top of its hierarchy, if it is a reference type.
    fn top(self) -> Option<HeapType> {
        match self {
            Self::Ref(ty) => Some(ty.heap.top()),
            _ => None,
        }
    }

    /// Is it a type of references?
    pub fn is_reference(self) -> bool {
        self.top().is_some()
    }

    /// Does it refer to functions?
    pub fn is_func(self) -> bool {
        self.top() == Some(HeapType::Func)
    }

    /// Does it refer to values of the host?
    pub fn is_extern(self) -> bool {
        self.top() == Some(HeapType::Extern)
    }

    /// Does it refer to exceptions?
    pub fn is_exception(self) -> bool {
        self.top() == Some(HeapType::Exn)
    }

    /// Is what it holds looked for, to tell which references are in use?
    pub fn is_traced(self) -> bool {
        matches!(self.top(), Some(HeapType::Extern | HeapType::Exn))
    }

    /// The declared type that it names.
    pub fn concrete(self) -> Option<TypeId> {
        match self {
            Self::Ref(RefType {
                heap: HeapType::Concrete(id),
                ..
            }) => Some(id),
            _ => None,
        }
    }
}

/// A function type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    pub params: Box<[ValType]>,
    pub results: Box<[ValType]>,
}

/// The type of addresses in a memory, and of indices in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressType {
    #[default]
    I32,
    I64,
}

/// Size limits of a table (elements) or a memory (pages).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub min: u64,
    pub max: Option<u64>,
}

/// A table's type; `element` is a reference type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableType {
    pub element: ValType,
    pub address: AddressType,
    pub limits: Limits,
}

/// Binary logarithm of the size of a usual page.
pub const PAGE_BITS: u8 = 16;

/// A memory's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryType {
    pub address: AddressType,
    /// Binary logarithm of the size of a page: 0 or [`PAGE_BITS`].
    pub page_bits: u8,
    pub limits: Limits,
    /// May several threads have it?
    pub shared: bool,
}

/// A global's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalType {
    pub value: ValType,
    pub mutable: bool,
}

/// What an import wants. `Function` and `Tag` hold a type index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    Function(u32),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
    Tag(u32),
}

#[derive(Clone, Debug)]
pub struct Import {
    pub module: String,
    pub name: String,
    pub kind: ImportKind,
}

/// What an export names, by index in its index space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    Function(u32),
    Table(u32),
    Memory(u32),
    Global(u32),
    Tag(u32),
}

#[derive(Clone, Debug)]
pub struct Export {
    pub name: String,
    pub kind: ExportKind,
}

/// A constant expression. Nearly all are one instruction. Floats are bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstExpr {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128([u8; 16]),
    /// `ref.null` of any type.
    RefNull,
    RefFunc(u32),
    GlobalGet(u32),
    /// Several instructions, in their order. A list and no tree: a guest decides how deep it would be.
    Extended(Box<[ConstOp]>),
}

/// An instruction of an extended constant expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstOp {
    /// Pushes the value of an expression of one instruction.
    Push(ConstExpr),
    I32(ConstBinary),
    I64(ConstBinary),
}

/// What a constant expression computes of two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstBinary {
    Add,
    Sub,
    Mul,
}

impl ConstBinary {
    /// Of 64 bits; the low 32 are what the same of i32 gives.
    pub fn apply(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul => a.wrapping_mul(b),
        }
    }
}

#[derive(Clone, Debug)]
pub enum SegmentMode<Place> {
    Active(Place),
    Passive,
    /// Element segments only.
    Declared,
}

/// Where an active segment goes: index of the table or memory, and offset.
#[derive(Clone, Debug)]
pub struct Place {
    pub index: u32,
    pub offset: ConstExpr,
}

#[derive(Clone, Debug)]
pub struct ElementSegment {
    pub ty: ValType,
    pub mode: SegmentMode<Place>,
    pub items: Vec<ConstExpr>,
}

#[derive(Clone, Debug)]
pub struct DataSegment {
    pub mode: SegmentMode<Place>,
    /// Range of the contents in the module's bytes.
    pub bytes: Range<usize>,
}
