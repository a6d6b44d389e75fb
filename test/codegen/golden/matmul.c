// matmul+add_1x7x19
#define VL 8
// (prelude)

static void part0(const float *restrict B0, const float *restrict B1, float *restrict B2, char *scratch, long task) {
  float *restrict S0 = (float *)(scratch + 0);
  float *restrict S1 = (float *)(scratch + 1280);
  float *restrict S2 = (float *)(scratch + 3328);
  for (long k6 = 0; k6 < 20; k6++) {
    for (long p5 = 0; p5 < 3; p5++) {
      STF(&S1[(k6 * 24 + p5 * 8)], ((p5 * 8) <= 19 - VL ? LDF(&B1[(k6 * 19 + p5 * 8)]) : LDF_RANGE(&B1[(k6 * 19 + p5 * 8)], 0, MINL(VL, 19 - ((p5 * 8))))));
      __builtin_prefetch(&B1[(k6 * 19 + p5 * 8 + 152)]);
    }
  }
  for (long o2 = 0; o2 < 8; o2++) {
    for (long c3 = 0; c3 < 2; c3++) {
      STF(&S0[(c3 * 8 + o2 * 40)], (o2 < 7 ? LDF(&B0[(c3 * 8 + o2 * 20)]) : (vf){0}));
    }
    for (long c4 = 0; c4 < 4; c4++) {
      S0[(c4 + o2 * 40 + 16)] = (o2 < 7 ? B0[(c4 + o2 * 20 + 16)] : 0);
    }
  }
  for (long i8 = 0; i8 < 2; i8++) {
    const vf T0 = v_splat((0.0f));
    vf c9 = T0;
    vf c10 = T0;
    vf c11 = T0;
    vf c12 = T0;
    vf c13 = T0;
    vf c14 = T0;
    vf c15 = T0;
    vf c16 = T0;
    vf c17 = T0;
    vf c18 = T0;
    vf c19 = T0;
    vf c20 = T0;
    for (long k33 = 0; k33 < 20; k33++) {
      const vf T1 = v_splat(S0[(i8 * 160 + k33)]);
      const vf T2 = LDF(&S1[(k33 * 24)]);
      c9 = (c9 + (T1 * T2));
      const vf T3 = LDF(&S1[(k33 * 24 + 8)]);
      c10 = (c10 + (T1 * T3));
      const vf T4 = LDF(&S1[(k33 * 24 + 16)]);
      c11 = (c11 + (T1 * T4));
      const vf T5 = v_splat(S0[(i8 * 160 + k33 + 40)]);
      c12 = (c12 + (T5 * T2));
      c13 = (c13 + (T5 * T3));
      c14 = (c14 + (T5 * T4));
      const vf T6 = v_splat(S0[(i8 * 160 + k33 + 80)]);
      c15 = (c15 + (T6 * T2));
      c16 = (c16 + (T6 * T3));
      c17 = (c17 + (T6 * T4));
      const vf T7 = v_splat(S0[(i8 * 160 + k33 + 120)]);
      c18 = (c18 + (T7 * T2));
      c19 = (c19 + (T7 * T3));
      c20 = (c20 + (T7 * T4));
    }
    vf f21; SETTLE(f21, c9);
    vf f22; SETTLE(f22, c10);
    vf f23; SETTLE(f23, c11);
    vf f24; SETTLE(f24, c12);
    vf f25; SETTLE(f25, c13);
    vf f26; SETTLE(f26, c14);
    vf f27; SETTLE(f27, c15);
    vf f28; SETTLE(f28, c16);
    vf f29; SETTLE(f29, c17);
    vf f30; SETTLE(f30, c18);
    vf f31; SETTLE(f31, c19);
    vf f32; SETTLE(f32, c20);
    STF(&S2[(i8 * 160)], f21);
    STF(&S2[(i8 * 160 + 8)], f22);
    STF(&S2[(i8 * 160 + 16)], f23);
    STF(&S2[(i8 * 160 + 40)], f24);
    STF(&S2[(i8 * 160 + 48)], f25);
    STF(&S2[(i8 * 160 + 56)], f26);
    STF(&S2[(i8 * 160 + 80)], f27);
    STF(&S2[(i8 * 160 + 88)], f28);
    STF(&S2[(i8 * 160 + 96)], f29);
    STF(&S2[(i8 * 160 + 120)], f30);
    STF(&S2[(i8 * 160 + 128)], f31);
    STF(&S2[(i8 * 160 + 136)], f32);
  }
  for (long i34 = 0; i34 < 8; i34++) {
    if (i34 < 7) {
      {
        const long e35 = i34;
        for (long j36 = 0; j36 < 3; j36++) {
          if ((j36 * 8 + 7) < 16) {
            {
              const long e37 = j36;
              const vf f38 = LDF(&S2[(i34 * 40 + j36 * 8)]);
              STF(&B2[(e35 * 19 + e37 * 8)], (f38 + v_splat((1.0f))));
            }
          }
        }
        for (long j39 = 0; j39 < 3; j39++) {
          if (1) {
            const float f40 = S2[(i34 * 40 + j39 + 16)];
            B2[(e35 * 19 + j39 + 16)] = (f40 + (1.0f));
          }
        }
      }
    }
  }
}
void fovea_kernel(void *const *buffers, long first, long last, char *scratch) {
  for (long task = first; task < last; task++) {
    if (task >= 0 && task < 1) part0(buffers[0], buffers[1], buffers[2], scratch, task - 0);
  }
}
