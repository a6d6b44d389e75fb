(module $conv2d+neg_2x16x6x6
  (type (;0;) (func (param i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32)))
  (import "fovea" "memory" (memory (;0;) 1))
  (func $part0 (type 0) (param i32 i32 i32)
    (local i32 i32 i32 i32 i32 v128 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 i32 v128 i32 v128 v128 v128 v128 v128 v128 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 i32 i32 i32 i32 i32 i32 i32)
    local.get 1
    local.set 13
    local.get 0
    i32.load
    local.set 16
    local.get 0
    i32.load offset=4
    local.set 50
    local.get 0
    i32.load offset=8
    local.set 63
    local.get 2
    local.tee 14
    i32.const 1
    i32.and
    local.set 15
    local.get 16
    local.get 15
    i32.const 1152
    i32.mul
    i32.add
    i32.const -28
    i32.add
    local.set 17
    local.get 14
    i32.const 1
    i32.shr_u
    local.set 49
    local.get 50
    local.get 49
    i32.const 2304
    i32.mul
    i32.add
    local.set 51
    local.get 63
    local.get 15
    i32.const 2304
    i32.mul
    i32.add
    local.get 49
    i32.const 1152
    i32.mul
    i32.add
    local.set 64
    local.get 13
    local.set 11
    local.get 17
    local.set 12
    local.get 11
    i32.const 2048
    i32.add
    local.set 18
    loop  ;; label = @1
      i32.const -1
      local.set 5
      local.get 11
      local.set 9
      local.get 12
      local.set 10
      loop  ;; label = @2
        local.get 5
        i32.const 6
        i32.lt_u
        local.set 6
        local.get 9
        local.set 3
        local.get 10
        local.set 4
        i32.const -1
        local.set 7
        loop  ;; label = @3
          local.get 3
          local.get 6
          local.get 7
          i32.const 3
          i32.lt_u
          i32.and
          if (result v128)  ;; label = @4
            local.get 4
            v128.load align=4
          else
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 8
            local.get 6
            local.get 7
            i32.const 6
            i32.lt_u
            i32.and
            if  ;; label = @5
              local.get 4
              local.get 8
              v128.load32_lane 0
              local.set 8
            end
            local.get 6
            if  ;; label = @5
              local.get 4
              local.get 8
              v128.load32_lane offset=4 1
              local.set 8
            end
            local.get 6
            if  ;; label = @5
              local.get 4
              local.get 8
              v128.load32_lane offset=8 2
              local.set 8
            end
            local.get 6
            local.get 7
            i32.const 3
            i32.add
            i32.const 6
            i32.lt_u
            i32.and
            if  ;; label = @5
              local.get 4
              local.get 8
              v128.load32_lane offset=12 3
              local.set 8
            end
            local.get 8
          end
          v128.store align=4
          local.get 3
          i32.const 16
          i32.add
          local.set 3
          local.get 4
          i32.const 16
          i32.add
          local.set 4
          local.get 7
          i32.const 4
          i32.add
          local.tee 7
          i32.const 7
          i32.ne
          br_if 0 (;@3;)
        end
        local.get 9
        i32.const 32
        i32.add
        local.set 9
        local.get 10
        i32.const 24
        i32.add
        local.set 10
        local.get 5
        i32.const 1
        i32.add
        local.tee 5
        i32.const 7
        i32.ne
        br_if 0 (;@2;)
      end
      local.get 12
      i32.const 144
      i32.add
      local.set 12
      local.get 11
      i32.const 256
      i32.add
      local.tee 11
      local.get 18
      i32.ne
      br_if 0 (;@1;)
    end
    local.get 13
    local.set 60
    local.get 64
    local.set 61
    local.get 60
    i32.const 192
    i32.add
    local.set 65
    loop  ;; label = @1
      local.get 60
      local.set 52
      local.get 61
      local.set 59
      local.get 52
      i32.const 24
      i32.add
      local.set 62
      loop  ;; label = @2
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.tee 8
        local.set 19
        local.get 8
        local.set 20
        local.get 8
        local.set 21
        local.get 8
        local.set 22
        local.get 8
        local.set 23
        local.get 8
        local.set 24
        local.get 8
        local.set 25
        local.get 8
        local.set 26
        local.get 8
        local.set 27
        local.get 8
        local.set 28
        local.get 8
        local.set 29
        local.get 8
        local.set 30
        local.get 51
        local.set 46
        local.get 52
        local.set 47
        local.get 46
        i32.const 128
        i32.add
        local.set 53
        loop  ;; label = @3
          local.get 46
          local.set 43
          local.get 47
          local.set 44
          local.get 43
          i32.const 1152
          i32.add
          local.set 48
          loop  ;; label = @4
            local.get 43
            local.set 40
            local.get 44
            local.set 41
            local.get 40
            i32.const 384
            i32.add
            local.set 45
            loop  ;; label = @5
              block  ;; label = @6
                local.get 40
                local.set 31
                local.get 41
                local.set 33
                local.get 31
                i32.const 64
                i32.add
                local.set 42
                local.get 31
                local.get 42
                i32.eq
                br_if 0 (;@6;)
                loop  ;; label = @7
                  loop  ;; label = @8
                  end
                  local.get 31
                  v128.load offset=1152 align=4
                  local.set 8
                  local.get 33
                  v128.load32_splat offset=68
                  local.set 32
                  local.get 30
                  local.get 8
                  local.get 32
                  f32x4.mul
                  f32x4.add
                  local.set 30
                  local.get 31
                  v128.load align=4
                  local.set 34
                  local.get 29
                  local.get 34
                  local.get 32
                  f32x4.mul
                  f32x4.add
                  local.set 29
                  local.get 33
                  v128.load32_splat offset=64
                  local.set 35
                  local.get 28
                  local.get 8
                  local.get 35
                  f32x4.mul
                  f32x4.add
                  local.set 28
                  local.get 27
                  local.get 34
                  local.get 35
                  f32x4.mul
                  f32x4.add
                  local.set 27
                  local.get 33
                  v128.load32_splat offset=36
                  local.set 36
                  local.get 26
                  local.get 8
                  local.get 36
                  f32x4.mul
                  f32x4.add
                  local.set 26
                  local.get 25
                  local.get 34
                  local.get 36
                  f32x4.mul
                  f32x4.add
                  local.set 25
                  local.get 33
                  v128.load32_splat offset=32
                  local.set 37
                  local.get 24
                  local.get 8
                  local.get 37
                  f32x4.mul
                  f32x4.add
                  local.set 24
                  local.get 23
                  local.get 34
                  local.get 37
                  f32x4.mul
                  f32x4.add
                  local.set 23
                  local.get 33
                  v128.load32_splat offset=4
                  local.set 38
                  local.get 22
                  local.get 8
                  local.get 38
                  f32x4.mul
                  f32x4.add
                  local.set 22
                  local.get 21
                  local.get 34
                  local.get 38
                  f32x4.mul
                  f32x4.add
                  local.set 21
                  local.get 33
                  v128.load32_splat
                  local.set 39
                  local.get 20
                  local.get 8
                  local.get 39
                  f32x4.mul
                  f32x4.add
                  local.set 20
                  local.get 19
                  local.get 34
                  local.get 39
                  f32x4.mul
                  f32x4.add
                  local.set 19
                  local.get 33
                  i32.const 256
                  i32.add
                  local.set 33
                  local.get 31
                  i32.const 16
                  i32.add
                  local.tee 31
                  local.get 42
                  i32.ne
                  br_if 0 (;@7;)
                end
              end
              local.get 41
              i32.const 4
              i32.add
              local.set 41
              local.get 40
              i32.const 128
              i32.add
              local.tee 40
              local.get 45
              i32.ne
              br_if 0 (;@5;)
            end
            local.get 44
            i32.const 32
            i32.add
            local.set 44
            local.get 43
            i32.const 384
            i32.add
            local.tee 43
            local.get 48
            i32.ne
            br_if 0 (;@4;)
          end
          local.get 47
          i32.const 1024
          i32.add
          local.set 47
          local.get 46
          i32.const 64
          i32.add
          local.tee 46
          local.get 53
          i32.ne
          br_if 0 (;@3;)
        end
        local.get 19
        local.set 39
        local.get 20
        local.set 38
        local.get 21
        local.set 37
        local.get 22
        local.set 36
        local.get 23
        local.set 35
        local.get 24
        local.set 34
        local.get 25
        local.set 32
        local.get 26
        local.set 8
        local.get 27
        local.set 54
        local.get 28
        local.set 55
        local.get 29
        local.set 56
        local.get 30
        local.set 57
        local.get 39
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane 0
        local.get 59
        local.get 58
        v128.store32_lane offset=144 1
        local.get 59
        local.get 58
        v128.store32_lane offset=288 2
        local.get 59
        local.get 58
        v128.store32_lane offset=432 3
        local.get 38
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=576 0
        local.get 59
        local.get 58
        v128.store32_lane offset=720 1
        local.get 59
        local.get 58
        v128.store32_lane offset=864 2
        local.get 59
        local.get 58
        v128.store32_lane offset=1008 3
        local.get 37
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=4 0
        local.get 59
        local.get 58
        v128.store32_lane offset=148 1
        local.get 59
        local.get 58
        v128.store32_lane offset=292 2
        local.get 59
        local.get 58
        v128.store32_lane offset=436 3
        local.get 36
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=580 0
        local.get 59
        local.get 58
        v128.store32_lane offset=724 1
        local.get 59
        local.get 58
        v128.store32_lane offset=868 2
        local.get 59
        local.get 58
        v128.store32_lane offset=1012 3
        local.get 35
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=24 0
        local.get 59
        local.get 58
        v128.store32_lane offset=168 1
        local.get 59
        local.get 58
        v128.store32_lane offset=312 2
        local.get 59
        local.get 58
        v128.store32_lane offset=456 3
        local.get 34
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=600 0
        local.get 59
        local.get 58
        v128.store32_lane offset=744 1
        local.get 59
        local.get 58
        v128.store32_lane offset=888 2
        local.get 59
        local.get 58
        v128.store32_lane offset=1032 3
        local.get 32
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=28 0
        local.get 59
        local.get 58
        v128.store32_lane offset=172 1
        local.get 59
        local.get 58
        v128.store32_lane offset=316 2
        local.get 59
        local.get 58
        v128.store32_lane offset=460 3
        local.get 8
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=604 0
        local.get 59
        local.get 58
        v128.store32_lane offset=748 1
        local.get 59
        local.get 58
        v128.store32_lane offset=892 2
        local.get 59
        local.get 58
        v128.store32_lane offset=1036 3
        local.get 54
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=48 0
        local.get 59
        local.get 58
        v128.store32_lane offset=192 1
        local.get 59
        local.get 58
        v128.store32_lane offset=336 2
        local.get 59
        local.get 58
        v128.store32_lane offset=480 3
        local.get 55
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=624 0
        local.get 59
        local.get 58
        v128.store32_lane offset=768 1
        local.get 59
        local.get 58
        v128.store32_lane offset=912 2
        local.get 59
        local.get 58
        v128.store32_lane offset=1056 3
        local.get 56
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=52 0
        local.get 59
        local.get 58
        v128.store32_lane offset=196 1
        local.get 59
        local.get 58
        v128.store32_lane offset=340 2
        local.get 59
        local.get 58
        v128.store32_lane offset=484 3
        local.get 57
        f32x4.neg
        local.set 58
        local.get 59
        local.get 58
        v128.store32_lane offset=628 0
        local.get 59
        local.get 58
        v128.store32_lane offset=772 1
        local.get 59
        local.get 58
        v128.store32_lane offset=916 2
        local.get 59
        local.get 58
        v128.store32_lane offset=1060 3
        local.get 59
        i32.const 8
        i32.add
        local.set 59
        local.get 52
        i32.const 8
        i32.add
        local.tee 52
        local.get 62
        i32.ne
        br_if 0 (;@2;)
      end
      local.get 61
      i32.const 72
      i32.add
      local.set 61
      local.get 60
      i32.const 96
      i32.add
      local.tee 60
      local.get 65
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
    i32.const 4
    local.get 2
    i32.const 4
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
