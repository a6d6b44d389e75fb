(module $map_max_5x13
  (type (;0;) (func (param i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32)))
  (import "fovea" "memory" (memory (;0;) 1))
  (func $part0 (type 0) (param i32 i32 i32)
    (local i32 i32 i32 v128 i32 i32 i32 i32 i32 i32 i32)
    local.get 0
    i32.load offset=4
    local.set 9
    local.get 0
    i32.load offset=8
    local.set 11
    local.get 0
    i32.load
    local.set 12
    local.get 11
    local.set 7
    local.get 12
    local.set 8
    local.get 7
    i32.const 260
    i32.add
    local.set 13
    loop  ;; label = @1
      local.get 7
      local.set 3
      local.get 8
      local.set 4
      local.get 9
      local.set 5
      local.get 3
      i32.const 48
      i32.add
      local.set 10
      loop  ;; label = @2
        local.get 3
        local.get 4
        v128.load align=4
        v128.const i32x4 0x40000000 0x40000000 0x40000000 0x40000000
        f32x4.mul
        local.get 5
        v128.load align=4
        f32x4.add
        local.tee 6
        local.get 6
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.le
        v128.andnot
        v128.store align=4
        local.get 4
        i32.const 16
        i32.add
        local.set 4
        local.get 5
        i32.const 16
        i32.add
        local.set 5
        local.get 3
        i32.const 16
        i32.add
        local.tee 3
        local.get 10
        i32.ne
        br_if 0 (;@2;)
      end
      local.get 8
      i32.const 52
      i32.add
      local.set 8
      local.get 7
      i32.const 52
      i32.add
      local.tee 7
      local.get 13
      i32.ne
      br_if 0 (;@1;)
    end)
  (func $part1 (type 0) (param i32 i32 i32)
    (local i32 i32 i32 i32 f32 i32 i32 i32)
    local.get 0
    i32.load offset=4
    local.set 5
    local.get 0
    i32.load offset=8
    local.set 8
    local.get 0
    i32.load
    local.set 9
    local.get 5
    i32.const 48
    i32.add
    local.set 6
    local.get 8
    i32.const 48
    i32.add
    local.set 3
    local.get 9
    i32.const 48
    i32.add
    local.set 4
    local.get 3
    i32.const 260
    i32.add
    local.set 10
    loop  ;; label = @1
      local.get 3
      local.get 4
      f32.load
      f32.const 0x1p+1 (;=2;)
      f32.mul
      local.get 6
      f32.load
      f32.add
      local.tee 7
      f32.const 0x0p+0 (;=0;)
      local.get 7
      f32.const 0x0p+0 (;=0;)
      f32.gt
      local.get 7
      local.get 7
      f32.ne
      i32.or
      select
      f32.store
      local.get 4
      i32.const 52
      i32.add
      local.set 4
      local.get 3
      i32.const 52
      i32.add
      local.tee 3
      local.get 10
      i32.ne
      br_if 0 (;@1;)
    end)
  (func $kernel (type 1) (param i32 i32 i32 i32)
    (local i32 i32)
    local.get 1
    i32.const 0
    local.get 1
    i32.const 0
    i32.gt_s
    select
    local.set 4
    local.get 2
    i32.const 1
    local.get 2
    i32.const 1
    i32.lt_s
    select
    local.set 5
    local.get 4
    local.get 5
    i32.lt_s
    if  ;; label = @1
      loop  ;; label = @2
        local.get 0
        local.get 3
        local.get 4
        call 0
        local.get 4
        i32.const 1
        i32.add
        local.tee 4
        local.get 5
        i32.lt_s
        br_if 0 (;@2;)
      end
    end
    local.get 1
    i32.const 1
    local.get 1
    i32.const 1
    i32.gt_s
    select
    local.set 4
    local.get 2
    i32.const 2
    local.get 2
    i32.const 2
    i32.lt_s
    select
    local.set 5
    local.get 4
    local.get 5
    i32.lt_s
    if  ;; label = @1
      loop  ;; label = @2
        local.get 0
        local.get 3
        local.get 4
        i32.const -1
        i32.add
        call 1
        local.get 4
        i32.const 1
        i32.add
        local.tee 4
        local.get 5
        i32.lt_s
        br_if 0 (;@2;)
      end
    end)
  (export "kernel" (func 2)))
