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
    for (long k21 = 0; k21 < 20; k21++) {
      const vf T1 = v_splat(S0[(i8 * 160 + k21)]);
      const vf T2 = LDF(&S1[(k21 * 24)]);
      c9 = (c9 + (T1 * T2));
      const vf T3 = LDF(&S1[(k21 * 24 + 8)]);
      c10 = (c10 + (T1 * T3));
      const vf T4 = LDF(&S1[(k21 * 24 + 16)]);
      c11 = (c11 + (T1 * T4));
      const vf T5 = v_splat(S0[(i8 * 160 + k21 + 40)]);
      c12 = (c12 + (T5 * T2));
      c13 = (c13 + (T5 * T3));
      c14 = (c14 + (T5 * T4));
      const vf T6 = v_splat(S0[(i8 * 160 + k21 + 80)]);
      c15 = (c15 + (T6 * T2));
      c16 = (c16 + (T6 * T3));
      c17 = (c17 + (T6 * T4));
      const vf T7 = v_splat(S0[(i8 * 160 + k21 + 120)]);
      c18 = (c18 + (T7 * T2));
      c19 = (c19 + (T7 * T3));
      c20 = (c20 + (T7 * T4));
    }
    STF(&S2[(i8 * 160)], c9);
    STF(&S2[(i8 * 160 + 8)], c10);
    STF(&S2[(i8 * 160 + 16)], c11);
    STF(&S2[(i8 * 160 + 40)], c12);
    STF(&S2[(i8 * 160 + 48)], c13);
    STF(&S2[(i8 * 160 + 56)], c14);
    STF(&S2[(i8 * 160 + 80)], c15);
    STF(&S2[(i8 * 160 + 88)], c16);
    STF(&S2[(i8 * 160 + 96)], c17);
    STF(&S2[(i8 * 160 + 120)], c18);
    STF(&S2[(i8 * 160 + 128)], c19);
    STF(&S2[(i8 * 160 + 136)], c20);
  }
  for (long i22 = 0; i22 < 8; i22++) {
    if (i22 < 7) {
      {
        const long e23 = i22;
        for (long j24 = 0; j24 < 3; j24++) {
          if ((j24 * 8 + 7) < 16) {
            {
              const long e25 = j24;
              const vf f26 = LDF(&S2[(i22 * 40 + j24 * 8)]);
              STF(&B2[(e23 * 19 + e25 * 8)], (f26 + v_splat((1.0f))));
            }
          }
        }
        for (long j27 = 0; j27 < 3; j27++) {
          if (1) {
            const float f28 = S2[(i22 * 40 + j27 + 16)];
            B2[(e23 * 19 + j27 + 16)] = (f28 + (1.0f));
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
