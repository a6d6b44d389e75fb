/**
 * The C prelude of all kernels: vector types of the target's width (GCC vector extensions, which clang supports) and
 * the helpers that the C templates of the scalar table call. The prefix `s_` means scalar, `v_` vector, `i` after it
 * integer. Two macros must be defined before it: VL, the number of lanes, and RAMP, the list 0, 1, …, VL - 1.
 */

export const C_PRELUDE = `#include <math.h>
#include <stddef.h>
typedef float vf __attribute__((vector_size(VL * 4)));
typedef int vi __attribute__((vector_size(VL * 4)));
typedef unsigned vu __attribute__((vector_size(VL * 4)));
typedef unsigned char vb __attribute__((vector_size(VL)));
typedef float vf_m __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef int vi_m __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef unsigned char vb_m __attribute__((vector_size(VL), aligned(1), may_alias));
typedef unsigned long long vl __attribute__((vector_size(VL * 8)));
typedef double vd __attribute__((vector_size(VL * 8)));
#define LDF(p) ((vf)*(const vf_m *)(p))
#define LDI(p) ((vi)*(const vi_m *)(p))
#define LDB(p) __builtin_convertvector(*(const vb_m *)(p), vi)
#define STF(p, ...) (*(vf_m *)(p) = (__VA_ARGS__))
#define STI(p, ...) (*(vi_m *)(p) = (__VA_ARGS__))
#define STB(p, ...) (*(vb_m *)(p) = __builtin_convertvector((__VA_ARGS__), vb))
#define MAXL(a, b) ((a) > (b) ? (a) : (b))
#define MINL(a, b) ((a) < (b) ? (a) : (b))
#define RANGE(suffix, type, vtype, mtype) \\
  static __attribute__((noinline, unused)) vtype LD##suffix##_RANGE(const mtype *p, long low, long high) { \\
    vtype r = {0}; \\
    for (long i = low; i < high; i++) r[i] = (type)p[i]; \\
    return r; \\
  } \\
  static __attribute__((noinline, unused)) void ST##suffix##_RANGE(mtype *p, long low, long high, vtype v) { \\
    for (long i = low; i < high; i++) p[i] = (mtype)v[i]; \\
  }
RANGE(F, float, vf, float)
RANGE(I, int, vi, int)
RANGE(B, int, vi, unsigned char)
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vi){__VA_ARGS__})
#endif
// Scheduling barrier: moves a to b, in the same register; the compiler moves no code across it in either direction.
#if defined(__AVX512F__)
#define BARRIER(b, a) __asm__ volatile("" : "=v"(b) : "0"(a) : "memory")
#elif defined(__x86_64__)
#define BARRIER(b, a) __asm__ volatile("" : "=x"(b) : "0"(a) : "memory")
#elif defined(__aarch64__)
#define BARRIER(b, a) __asm__ volatile("" : "=w"(b) : "0"(a) : "memory")
#else
#define BARRIER(b, a) ((b) = (a))
#endif
#define INLINE static inline __attribute__((always_inline, unused))
// x - 0 is x for every x, which x + 0 is not: the compiler folds it into a broadcast.
INLINE vf v_splat(float x) { return x - (vf){0}; }
INLINE vi v_isplat(int x) { return x - (vi){0}; }
INLINE float s_select(int m, float a, float b) { return m ? a : b; }
INLINE int s_iselect(int m, int a, int b) { return m ? a : b; }
INLINE vf v_select(vi m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }
INLINE vi v_iselect(vi m, vi a, vi b) { return (m & a) | (~m & b); }
typedef long long v_halves __attribute__((vector_size(16)));
INLINE int v_any(vi m) {
  v_halves r = {0};
  for (int i = 0; i < VL / 4; i++) r |= ((union { vi all; v_halves part[VL / 4]; }){.all = m}).part[i];
  return (r[0] | r[1]) != 0;
}
INLINE float s_max(float a, float b) { return a > b || a != a ? a : b; }
INLINE float s_min(float a, float b) { return a < b || a != a ? a : b; }
INLINE int s_imax(int a, int b) { return a > b ? a : b; }
INLINE int s_imin(int a, int b) { return a < b ? a : b; }
INLINE vf v_max(vf a, vf b) { return v_select((a > b) | (a != a), a, b); }
INLINE vf v_min(vf a, vf b) { return v_select((a < b) | (a != a), a, b); }
INLINE vi v_imax(vi a, vi b) { return v_iselect(a > b, a, b); }
INLINE vi v_imin(vi a, vi b) { return v_iselect(a < b, a, b); }
INLINE float s_abs(float a) { return __builtin_fabsf(a); }
INLINE int s_iabs(int a) { return a < 0 ? -a : a; }
INLINE vf v_abs(vf a) { return (vf)((vi)a & 0x7fffffff); }
INLINE vi v_iabs(vi a) { return v_iselect(a < 0, -a, a); }
INLINE float s_sqrt(float a) { return __builtin_sqrtf(a); }
// No builtin for it is common to GCC and clang, and loops are not vectorised (the compiler's flags say why).
#if defined(__AVX__)
INLINE vf v_sqrt(vf a) { vf r; __asm__("vsqrtps %1, %0" : "=v"(r) : "v"(a)); return r; }
#elif defined(__SSE2__)
INLINE vf v_sqrt(vf a) { vf r; __asm__("sqrtps %1, %0" : "=x"(r) : "x"(a)); return r; }
#elif defined(__aarch64__)
INLINE vf v_sqrt(vf a) { vf r; __asm__("fsqrt %0.4s, %1.4s" : "=w"(r) : "w"(a)); return r; }
#else
INLINE vf v_sqrt(vf a) {
  vf r;
  for (int i = 0; i < VL; i++) r[i] = __builtin_sqrtf(a[i]);
  return r;
}
#endif
// Floats of 2^23 and more are whole; smaller ones lose their fraction when it is added. Halves go to the even
// neighbour.
INLINE float s_rint(float a) {
  float m = s_abs(a);
  return m < 8388608.0f ? __builtin_copysignf((m + 8388608.0f) - 8388608.0f, a) : a;
}
INLINE vf v_rint(vf a) {
  vi sign = (vi)a & ~0x7fffffff;
  vf m = v_abs(a);
  return v_select(m < 8388608.0f, (vf)((vi)((m + 8388608.0f) - 8388608.0f) | sign), a);
}
INLINE float s_floor(float a) { float r = s_rint(a); return r > a ? r - 1.0f : r; }
INLINE vf v_floor(vf a) { vf r = v_rint(a); return v_select(r > a, r - 1.0f, r); }
// Towards zero; numbers beyond the range of int become its ends and NaN 0, where C leaves the result open.
INLINE int s_trunc(float a) {
  return a != a ? 0 : a >= 2147483648.0f ? 2147483647 : a < -2147483648.0f ? -2147483647 - 1 : (int)a;
}
INLINE vi v_trunc(vf a) {
  vi r = v_iselect(a >= 2147483648.0f, (vi){0} + 2147483647, __builtin_convertvector(a, vi));
  return v_iselect(a == a, v_iselect(a < -2147483648.0f, (vi){0} + (-2147483647 - 1), r), (vi){0});
}
// The remainder by b scaled up, in doubles: its product with a quotient below 2^28 is exact, and so is the difference.
INLINE float s_modby(float a, double b) { return (float)(a - __builtin_rint(a / b) * b); }
INLINE float s_mod(float a, float b) {
  float r = a;
  if (!(s_abs(a / b) < 268435456.0f)) for (double k = 0x1p252; k > 1; k *= 0x1p-28) r = s_modby(r, b * k);
  r = s_abs(b) == __builtin_inff() ? a - a + a : s_modby(r, b);
  return r == 0 ? a * 0 : (r < 0) != (b < 0) ? r + b : r;
}
INLINE vf v_mod(vf a, vf b) {
  vf q = a / b;
  if (v_any(~(v_abs(q) < 268435456.0f) | (v_abs(b) == __builtin_inff()))) {
    vf r;
    for (int i = 0; i < VL; i++) r[i] = s_mod(a[i], b[i]);
    return r;
  }
  vd x = __builtin_convertvector(a, vd), y = __builtin_convertvector(b, vd);
  vd n = (x / y + 0x1.8p52) - 0x1.8p52;
  vf r = __builtin_convertvector(x - n * y, vf);
  return v_select(r == 0, a * 0, v_select((r < 0) != (b < 0), r + b, r));
}
INLINE int s_imod(int a, int b) { int r = b == 0 || b == -1 ? 0 : a % b; return r != 0 && (r < 0) != (b < 0) ? r + b : r; }
INLINE vi v_imod(vi a, vi b) {
  vi r;
  for (int i = 0; i < VL; i++) r[i] = s_imod(a[i], b[i]);
  return r;
}
INLINE int s_imulhigh(int a, int b) { return (int)(((unsigned long long)(unsigned)a * (unsigned)b) >> 32); }
INLINE vi v_imulhigh(vi a, vi b) {
  vl wide = __builtin_convertvector((vu)a, vl) * __builtin_convertvector((vu)b, vl);
  return (vi)__builtin_convertvector(wide >> 32, vu);
}
INLINE int s_bits(float a) { union { float f; int i; } u = {.f = a}; return u.i; }
INLINE float s_ifloat(int a) { union { int i; float f; } u = {.i = a}; return u.f; }
INLINE vi v_bits(vf a) { return (vi)a; }
INLINE vf v_ifloat(vi a) { return (vf)a; }
INLINE vi v_ramp(void) { return (vi){RAMP}; }
#define FOLD(name, type, vtype, step) \\
  INLINE type name(vtype a) { \\
    for (int w = VL / 2; w > 0; w /= 2) for (int i = 0; i < w; i++) { type x = a[i], y = a[i + w]; a[i] = step; } \\
    return a[0]; \\
  }
FOLD(fold_sum, float, vf, x + y)
FOLD(fold_prod, float, vf, x * y)
FOLD(fold_max, float, vf, s_max(x, y))
FOLD(fold_min, float, vf, s_min(x, y))
FOLD(ifold_sum, int, vi, x + y)
FOLD(ifold_prod, int, vi, x * y)
FOLD(ifold_max, int, vi, s_imax(x, y))
FOLD(ifold_min, int, vi, s_imin(x, y))
`;
