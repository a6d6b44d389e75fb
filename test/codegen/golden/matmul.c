// matmul+add_1x7x19
#define VL 8
// (prelude)

static void part0(const float *restrict b0, const float *restrict b1, float *restrict b2, char *scratch, long task) {
  float *restrict s0 = (float *)(scratch + 0);
  float *restrict s1 = (float *)(scratch + 1280);
  float *restrict s2 = (float *)(scratch + 3264);
  for (long o1 = 0; o1 < 8; o1++) {
    for (long c2 = 0; c2 < 2; c2++) {
      STF(&s0[(c2 * 8 + o1 * 40)], (o1 < 7 ? LDF(&b0[(c2 * 8 + o1 * 20)]) : (vf){0}));
    }
    for (long c3 = 0; c3 < 4; c3++) {
      s0[(c3 + o1 * 40 + 16)] = (o1 < 7 ? b0[(c3 + o1 * 20 + 16)] : 0);
    }
  }
  for (long k5 = 0; k5 < 20; k5++) {
    for (long p4 = 0; p4 < 3; p4++) {
      STF(&s1[(k5 * 24 + p4 * 8)], ((p4 * 8) <= 19 - VL ? LDF(&b1[(k5 * 19 + p4 * 8)]) : LDF_RANGE(&b1[(k5 * 19 + p4 * 8)], 0, MINL(VL, 19 - ((p4 * 8))))));
    }
  }
  for (long i7 = 0; i7 < 2; i7++) {
    const vf t0 = v_splat((0.0f));
    vf c8 = t0;
    vf c9 = t0;
    vf c10 = t0;
    vf c11 = t0;
    vf c12 = t0;
    vf c13 = t0;
    vf c14 = t0;
    vf c15 = t0;
    vf c16 = t0;
    vf c17 = t0;
    vf c18 = t0;
    vf c19 = t0;
    for (long k20 = 0; k20 < 20; k20++) {
      const vf t1 = v_splat(s0[(i7 * 160 + k20)]);
      const vf t2 = LDF(&s1[(k20 * 24)]);
      c8 = (c8 + (t1 * t2));
      const vf t3 = LDF(&s1[(k20 * 24 + 8)]);
      c9 = (c9 + (t1 * t3));
      const vf t4 = LDF(&s1[(k20 * 24 + 16)]);
      c10 = (c10 + (t1 * t4));
      const vf t5 = v_splat(s0[(i7 * 160 + k20 + 40)]);
      c11 = (c11 + (t5 * t2));
      c12 = (c12 + (t5 * t3));
      c13 = (c13 + (t5 * t4));
      const vf t6 = v_splat(s0[(i7 * 160 + k20 + 80)]);
      c14 = (c14 + (t6 * t2));
      c15 = (c15 + (t6 * t3));
      c16 = (c16 + (t6 * t4));
      const vf t7 = v_splat(s0[(i7 * 160 + k20 + 120)]);
      c17 = (c17 + (t7 * t2));
      c18 = (c18 + (t7 * t3));
      c19 = (c19 + (t7 * t4));
    }
    STF(&s2[(i7 * 96)], c8);
    STF(&s2[(i7 * 96 + 8)], c9);
    STF(&s2[(i7 * 96 + 16)], c10);
    STF(&s2[(i7 * 96 + 24)], c11);
    STF(&s2[(i7 * 96 + 32)], c12);
    STF(&s2[(i7 * 96 + 40)], c13);
    STF(&s2[(i7 * 96 + 48)], c14);
    STF(&s2[(i7 * 96 + 56)], c15);
    STF(&s2[(i7 * 96 + 64)], c16);
    STF(&s2[(i7 * 96 + 72)], c17);
    STF(&s2[(i7 * 96 + 80)], c18);
    STF(&s2[(i7 * 96 + 88)], c19);
  }
  for (long i21 = 0; i21 < 8; i21++) {
    if (i21 < 7) {
      {
        const long e22 = i21;
        for (long j23 = 0; j23 < 3; j23++) {
          if ((j23 * 8 + 7) < 16) {
            {
              const long e24 = j23;
              const vf f25 = LDF(&s2[(i21 * 24 + j23 * 8)]);
              STF(&b2[(e22 * 19 + e24 * 8)], (f25 + v_splat((1.0f))));
            }
          }
        }
        for (long j26 = 0; j26 < 3; j26++) {
          if (1) {
            const float f27 = s2[(i21 * 24 + j26 + 16)];
            b2[(e22 * 19 + j26 + 16)] = (f27 + (1.0f));
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
