;; A loop in the form in which Go compiles all functions: a jump through a table at its head, by a local that names the part.
(module (memory 1)
 (func $f (param $pc i32) (param $n i32) (result i32) (local $i i32) (local $s i32)
  (block $out
  (loop $top
   (block $b3 (block $b2 (block $b1 (block $b0
     (br_table $b0 $b1 $b2 $b3 (local.get $pc)))
     ;; 0
     (local.set $i (i32.const 0)) (local.set $s (i32.const 1))
     (local.set $pc (i32.const 1)) (br $top))
     ;; 1: head
     (if (i32.ge_u (local.get $i) (local.get $n)) (then (local.set $pc (i32.const 3)) (br $top)))
     (local.set $pc (i32.const 2)) (br $top))
     ;; 2
     (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (i32.load8_u (i32.and (local.get $i) (i32.const 65535)))))
     (local.set $i (i32.add (local.get $i) (i32.const 1)))
     (local.set $pc (i32.const 1)) (br $top))
   (br $out)))
  (local.get $s))
 (func (export "run") (param i32) (result i32) (call $f (i32.const 0) (i32.const 60000000))))
