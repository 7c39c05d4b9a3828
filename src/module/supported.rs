//! What the validator takes and wrt does not.
//!
//! The validator knows the types and instructions of garbage collection where it knows recursion groups. They are
//! refused here, with the texts that it has where they are off; but for casts, which are of functions then.

use super::error::{DecodeError, Result, position};
use super::plain::MOST_TARGETS;
use wasmparser::{
    AbstractHeapType, BlockType, FrameKind, FrameStack, FuncValidator, FunctionBody, HeapType,
    ValType, VisitOperator, VisitSimdOperator, WasmModuleResources,
};

/// Validates a function's body.
pub fn validate<R: WasmModuleResources>(
    validator: &mut FuncValidator<R>,
    body: &FunctionBody<'_>,
) -> Result<()> {
    let mut refused = None;
    let result = validate_all(validator, body, &mut refused);
    match refused {
        Some(error) => Err(error),
        None => Ok(result?),
    }
}

fn validate_all<R: WasmModuleResources>(
    validator: &mut FuncValidator<R>,
    body: &FunctionBody<'_>,
    refused: &mut Option<DecodeError>,
) -> wasmparser::Result<()> {
    let mut reader = body.get_binary_reader();
    for _ in 0..reader.read_var_u32()? {
        let offset = reader.original_position();
        let count = reader.read()?;
        let ty = reader.read()?;
        if !is_supported(ty) {
            refused.get_or_insert_with(|| DecodeError::new(NO_HEAP_TYPE, position(offset)));
        }
        validator.define_locals(offset, count, ty)?;
    }
    reader.set_features(*validator.features());
    while !reader.eof() {
        let offset = reader.original_position();
        reader.visit_operator(&mut Supported {
            inner: validator.visitor(offset),
            offset,
            refused,
        })??;
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))
}

pub const NO_HEAP_TYPE: &str = "heap types not supported without the gc feature";

pub fn is_supported_heap_type(ty: HeapType) -> bool {
    use AbstractHeapType::*;
    matches!(
        ty,
        HeapType::Abstract {
            shared: false,
            ty: Func | NoFunc | Extern | NoExtern | Exn | NoExn,
        } | HeapType::Concrete(_)
    )
}

fn is_supported(ty: ValType) -> bool {
    match ty {
        ValType::Ref(ty) => is_supported_heap_type(ty.heap_type()),
        _ => true,
    }
}

fn is_supported_block_type(ty: BlockType) -> bool {
    match ty {
        BlockType::Type(ty) => is_supported(ty),
        _ => true,
    }
}

/// The validator, but for what is refused. That is noted, and validation goes on: an error of the parser's kind
/// cannot be made.
struct Supported<'r, V> {
    inner: V,
    offset: u64,
    refused: &'r mut Option<DecodeError>,
}

impl<V> Supported<'_, V> {
    fn refuse(&mut self, message: impl Into<String>, offset: u64) {
        self.refused
            .get_or_insert_with(|| DecodeError::new(message, position(offset)));
    }

    fn refuse_unless(&mut self, supported: bool, message: &'static str) {
        if !supported {
            self.refuse(message, self.offset);
        }
    }
}

impl<V: FrameStack> FrameStack for Supported<'_, V> {
    fn current_frame(&self) -> Option<FrameKind> {
        self.inner.current_frame()
    }
}

macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
        $(fn $visit(&mut self $($(, $arg: $ty)*)?) -> Self::Output {
            visit!(check $proposal $visit self $($($arg)*)?);
            self.inner.$visit($($($arg),*)?)
        })*
    };
    (check $proposal:ident visit_block $self:ident $ty:ident) => { visit!(block $self $ty) };
    (check $proposal:ident visit_loop $self:ident $ty:ident) => { visit!(block $self $ty) };
    (check $proposal:ident visit_if $self:ident $ty:ident) => { visit!(block $self $ty) };
    (check $proposal:ident visit_try $self:ident $ty:ident) => { visit!(block $self $ty) };
    (check $proposal:ident visit_try_table $self:ident $table:ident) => {
        let ty = $table.ty;
        visit!(block $self ty)
    };
    (check $proposal:ident visit_br_table $self:ident $targets:ident) => {
        let count = $targets.len();
        if count > MOST_TARGETS {
            $self.refuse(format!("invalid table count (> max br_table size): {count}"), $self.offset + 1);
        }
    };
    (check $proposal:ident visit_typed_select $self:ident $ty:ident) => {
        $self.refuse_unless(is_supported($ty), NO_HEAP_TYPE)
    };
    (check $proposal:ident visit_typed_select_multi $self:ident $types:ident) => {
        $self.refuse_unless($types.iter().all(|ty| is_supported(*ty)), NO_HEAP_TYPE)
    };
    (check $proposal:ident visit_ref_null $self:ident $ty:ident) => { visit!(heap $self $ty) };
    (check gc visit_ref_test_non_null $self:ident $ty:ident) => { visit!(heap $self $ty) };
    (check gc visit_ref_test_nullable $self:ident $ty:ident) => { visit!(heap $self $ty) };
    (check gc visit_ref_cast_non_null $self:ident $ty:ident) => { visit!(heap $self $ty) };
    (check gc visit_ref_cast_nullable $self:ident $ty:ident) => { visit!(heap $self $ty) };
    (check gc visit_br_on_cast $self:ident $depth:ident $from:ident $to:ident) => {
        let ty = $to.heap_type();
        visit!(heap $self ty)
    };
    (check gc visit_br_on_cast_fail $self:ident $depth:ident $from:ident $to:ident) => {
        let ty = $to.heap_type();
        visit!(heap $self ty)
    };
    (check gc $visit:ident $self:ident $($arg:ident)*) => {
        $self.refuse_unless(false, "gc support is not enabled")
    };
    (check $proposal:ident $visit:ident $self:ident $($arg:ident)*) => {};
    (heap $self:ident $ty:ident) => { $self.refuse_unless(is_supported_heap_type($ty), NO_HEAP_TYPE) };
    (block $self:ident $ty:ident) => { $self.refuse_unless(is_supported_block_type($ty), NO_HEAP_TYPE) };
}

impl<'a, V> VisitOperator<'a> for Supported<'_, V>
where
    V: VisitOperator<'a, Output = wasmparser::Result<()>>,
{
    type Output = wasmparser::Result<()>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        self.inner.simd_visitor()
    }

    wasmparser::for_each_visit_operator!(visit);
}
