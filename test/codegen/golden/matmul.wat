(module $matmul+add_1x7x19
  (type (;0;) (func (param i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32)))
  (import "fovea" "memory" (memory (;0;) 1 65536 shared))
  (func $part0 (type 0) (param i32 i32 i32)
    (local i32 i32 i32 v128 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    local.get 1
    local.set 11
    local.get 0
    i32.load offset=4
    local.set 12
    local.get 0
    i32.load
    local.set 25
    local.get 1
    i32.const 1344
    i32.add
    local.set 34
    local.get 0
    i32.load offset=8
    local.set 50
    local.get 2
    i32.const 12
    i32.mul
    local.set 9
    local.get 12
    local.get 2
    i32.const 48
    i32.mul
    i32.add
    local.set 13
    local.get 2
    i32.const -12
    i32.mul
    i32.const 16
    i32.add
    local.set 46
    local.get 50
    local.get 2
    i32.const 48
    i32.mul
    i32.add
    local.set 51
    local.get 34
    local.get 2
    i32.const -48
    i32.mul
    i32.add
    i32.const 64
    i32.add
    local.set 52
    local.get 11
    local.set 7
    local.get 13
    local.set 8
    local.get 7
    i32.const 320
    i32.add
    local.set 14
    loop  ;; label = @1
      local.get 7
      local.set 3
      local.get 8
      local.set 4
      local.get 9
      local.set 5
      local.get 3
      i32.const 1344
      i32.add
      local.set 10
      loop  ;; label = @2
        local.get 3
        local.get 5
        i32.const 16
        i32.lt_u
        if (result v128)  ;; label = @3
          local.get 4
          v128.load align=4
        else
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 6
          local.get 5
          i32.const 19
          i32.lt_u
          if  ;; label = @4
            local.get 4
            local.get 6
            v128.load32_lane 0
            local.set 6
          end
          local.get 5
          i32.const 1
          i32.add
          i32.const 19
          i32.lt_u
          if  ;; label = @4
            local.get 4
            local.get 6
            v128.load32_lane offset=4 1
            local.set 6
          end
          local.get 5
          i32.const 2
          i32.add
          i32.const 19
          i32.lt_u
          if  ;; label = @4
            local.get 4
            local.get 6
            v128.load32_lane offset=8 2
            local.set 6
          end
          local.get 5
          i32.const 3
          i32.add
          i32.const 19
          i32.lt_u
          if  ;; label = @4
            local.get 4
            local.get 6
            v128.load32_lane offset=12 3
            local.set 6
          end
          local.get 6
        end
        v128.store align=4
        local.get 4
        i32.const 16
        i32.add
        local.set 4
        local.get 5
        i32.const 4
        i32.add
        local.set 5
        local.get 3
        i32.const 448
        i32.add
        local.tee 3
        local.get 10
        i32.ne
        br_if 0 (;@2;)
      end
      local.get 8
      i32.const 76
      i32.add
      local.set 8
      local.get 7
      i32.const 16
      i32.add
      local.tee 7
      local.get 14
      i32.ne
      br_if 0 (;@1;)
    end
    local.get 11
    local.set 24
    local.get 34
    local.set 33
    local.get 24
    i32.const 1344
    i32.add
    local.set 35
    loop  ;; label = @1
      v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
      local.tee 6
      local.set 15
      local.get 6
      local.set 16
      local.get 6
      local.set 17
      local.get 6
      local.set 18
      local.get 6
      local.set 19
      local.get 6
      local.set 20
      local.get 6
      local.set 21
      block  ;; label = @2
        local.get 24
        local.set 22
        local.get 25
        local.set 23
        local.get 22
        i32.const 320
        i32.add
        local.set 26
        local.get 22
        local.get 26
        i32.eq
        br_if 0 (;@2;)
        loop  ;; label = @3
          loop  ;; label = @4
          end
          local.get 22
          v128.load align=4
          local.set 6
          local.get 23
          v128.load32_splat
          local.get 6
          local.get 15
          f32x4.relaxed_madd
          local.set 15
          local.get 23
          v128.load32_splat offset=80
          local.get 6
          local.get 16
          f32x4.relaxed_madd
          local.set 16
          local.get 23
          v128.load32_splat offset=160
          local.get 6
          local.get 17
          f32x4.relaxed_madd
          local.set 17
          local.get 23
          v128.load32_splat offset=240
          local.get 6
          local.get 18
          f32x4.relaxed_madd
          local.set 18
          local.get 23
          v128.load32_splat offset=320
          local.get 6
          local.get 19
          f32x4.relaxed_madd
          local.set 19
          local.get 23
          v128.load32_splat offset=400
          local.get 6
          local.get 20
          f32x4.relaxed_madd
          local.set 20
          local.get 23
          v128.load32_splat offset=480
          local.get 6
          local.get 21
          f32x4.relaxed_madd
          local.set 21
          local.get 23
          i32.const 4
          i32.add
          local.set 23
          local.get 22
          i32.const 16
          i32.add
          local.tee 22
          local.get 26
          i32.ne
          br_if 0 (;@3;)
        end
      end
      local.get 15
      local.set 6
      local.get 16
      local.set 27
      local.get 17
      local.set 28
      local.get 18
      local.set 29
      local.get 19
      local.set 30
      local.get 20
      local.set 31
      local.get 21
      local.set 32
      local.get 33
      local.get 6
      v128.store align=4
      local.get 33
      local.get 27
      v128.store offset=112 align=4
      local.get 33
      local.get 28
      v128.store offset=224 align=4
      local.get 33
      local.get 29
      v128.store offset=336 align=4
      local.get 33
      local.get 30
      v128.store offset=448 align=4
      local.get 33
      local.get 31
      v128.store offset=560 align=4
      local.get 33
      local.get 32
      v128.store offset=672 align=4
      local.get 33
      i32.const 16
      i32.add
      local.set 33
      local.get 24
      i32.const 448
      i32.add
      local.tee 24
      local.get 35
      i32.ne
      br_if 0 (;@1;)
    end
    local.get 34
    local.set 39
    local.get 51
    local.set 40
    local.get 52
    local.set 47
    local.get 50
    i32.const 64
    i32.add
    local.set 48
    local.get 39
    i32.const 784
    i32.add
    local.set 53
    loop  ;; label = @1
      local.get 9
      i32.const 3
      i32.add
      local.set 36
      local.get 39
      local.set 37
      local.get 40
      local.set 38
      local.get 36
      i32.const 12
      i32.add
      local.set 41
      loop  ;; label = @2
        local.get 36
        i32.const 16
        i32.lt_u
        if  ;; label = @3
          local.get 37
          v128.load align=4
          local.set 32
          local.get 38
          local.get 32
          v128.const i32x4 0x3f800000 0x3f800000 0x3f800000 0x3f800000
          f32x4.add
          v128.store align=4
        end
        local.get 37
        i32.const 16
        i32.add
        local.set 37
        local.get 38
        i32.const 16
        i32.add
        local.set 38
        local.get 36
        i32.const 4
        i32.add
        local.tee 36
        local.get 41
        i32.ne
        br_if 0 (;@2;)
      end
      local.get 46
      local.set 42
      local.get 47
      local.set 43
      local.get 48
      local.set 45
      local.get 42
      i32.const 3
      i32.add
      local.set 49
      loop  ;; label = @2
        local.get 42
        i32.const 12
        i32.lt_u
        if  ;; label = @3
          local.get 43
          f32.load
          local.set 44
          local.get 45
          local.get 44
          f32.const 0x1p+0 (;=1;)
          f32.add
          f32.store
        end
        local.get 43
        i32.const 4
        i32.add
        local.set 43
        local.get 45
        i32.const 4
        i32.add
        local.set 45
        local.get 42
        i32.const 1
        i32.add
        local.tee 42
        local.get 49
        i32.ne
        br_if 0 (;@2;)
      end
      local.get 40
      i32.const 76
      i32.add
      local.set 40
      local.get 47
      i32.const 112
      i32.add
      local.set 47
      local.get 48
      i32.const 76
      i32.add
      local.set 48
      local.get 39
      i32.const 112
      i32.add
      local.tee 39
      local.get 53
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
        call 0
        local.get 4
        i32.const 1
        i32.add
        local.tee 4
        local.get 5
        i32.lt_s
        br_if 0 (;@2;)
      end
    end)
  (export "kernel" (func 1)))
