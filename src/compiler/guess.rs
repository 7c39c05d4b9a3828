//! Callees that are guessed. Where few functions of a type can become values and are called often, a reference is most
//! likely to be one of them: it is compared with each, and the body of the one that it is has its place here. One
//! compare tells the function and its instance, since references are addresses in contexts.

use super::function::{Result, Translator};
use super::tier::{Calls, Tier};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};

/// More functions of a type are too many to guess.
const MOST: usize = 16;
/// So many are compared with, of those that are called often.
const COMPARED: usize = 4;

impl<'a> Translator<'a, '_> {
    /// The functions that a reference to one of the module's type `type_index` may well name.
    pub fn guesses(&self, type_index: u32) -> Vec<u32> {
        if self.tiering.tier == Tier::Baseline {
            return Vec::new();
        }
        let all = self.module.func_refs.iter().copied();
        let found = all.filter(|index| self.is_of_type(*index, type_index));
        let found: Vec<u32> = found.take(MOST + 1).collect();
        if found.len() > MOST {
            return Vec::new();
        }
        let defined = |index: u32| index - self.module.imported_functions;
        let hot = found
            .into_iter()
            .filter(|index| (self.tiering.calls)(defined(*index)) != Calls::Rare);
        hot.take(COMPARED).collect()
    }

    /// Is function `index` one of this module, and has exactly this type?
    pub fn is_of_type(&self, index: u32, type_index: u32) -> bool {
        let module = self.module;
        let id = |ty: u32| module.types.get(ty as usize).map(|ty| ty.id());
        let ty = module.functions.get(index as usize);
        index >= module.imported_functions && ty.and_then(|ty| id(*ty)) == id(type_index)
    }

    /// Goes to `here` if `func_ref` is the reference of function `index` of this instance, and on if not.
    pub fn branch_if_function(
        &mut self,
        func_ref: Value,
        index: u32,
        here: Block,
        args: &[Value],
    ) -> Result<()> {
        let own = self.func_ref(index)?;
        let is_it = self.ins().icmp(IntCC::Equal, func_ref, own);
        let args: Vec<BlockArg> = args.iter().map(|arg| BlockArg::Value(*arg)).collect();
        let other = self.e.b.create_block();
        self.ins().brif(is_it, here, &args, other, &[]);
        self.go_on_in(other);
        Ok(())
    }

    /// The bodies of the functions that `func_ref` may be and that are worth it, in place of a call; the block behind
    /// them, whose parameters are the results, if there is any. Code for all other functions comes next, out of the way of
    /// the rest if it is hardly ever wanted.
    pub fn inline_guesses(
        &mut self,
        type_index: u32,
        func_ref: Value,
        args: &[Value],
    ) -> Result<Option<Block>> {
        let ty = self.func_type(type_index)?;
        let mut done = None;
        let guesses = self.guesses(type_index);
        let mut are_all = guesses.len() < COMPARED;
        for index in guesses {
            // One that calls itself by a reference is rare, and so is that call where it is there.
            if index == self.function {
                continue;
            }
            if !self.inlines(index)? {
                are_all = false;
                continue;
            }
            let done = *done.get_or_insert_with(|| {
                let done = self.e.b.create_block();
                self.e.append_params(done, &ty.results);
                done
            });
            let here = self.e.b.create_block();
            self.branch_if_function(func_ref, index, here, &[])?;
            let other = self.e.b.current_block().ok_or("no block")?;
            self.go_on_in(here);
            self.inline(index, args.to_vec())?;
            if self.reachable {
                let results = self.pop_canonical(ty.results.len())?;
                self.e.jump(done, &results);
            }
            self.reachable = true;
            self.e.b.switch_to_block(other);
        }
        // Where none was left out, what is called often has its place here: the call is hardly ever made.
        if are_all && done.is_some() {
            let other = self.e.b.current_block().ok_or("no block")?;
            self.e.b.set_cold_block(other);
        }
        Ok(done)
    }
}
