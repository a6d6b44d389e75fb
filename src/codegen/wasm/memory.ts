/**
 * Loads and stores of scalars and vectors. Memory is accessed only where guards hold. Vectors whose lanes are not
 * contiguous in memory, or whose guard differs per lane, are accessed lane by lane.
 */
import { type DType, sizeOf } from "../../ir/dtype.js";
import type { Guard, Index } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE, type Load, type Stmt } from "../../ir/loops.js";
import type { Address } from "./address-locals.js";
import { scaled } from "./affine-form.js";
import { type Code, instruction } from "./code.js";
import type { Op, ValueType } from "./instructions.js";
import { at, type Emitter, LANES, lanes, splatConstant, type Test, typeOf } from "./values.js";

type LoadExpr = Expr & Load;
type Store = Stmt & { readonly kind: "store" };

interface Access {
  readonly load: Op;
  readonly store: Op;
  readonly loadLane: Op;
  readonly storeLane: Op;
  /** Lanes of `loadLane` / `storeLane` per 32-bit lane: 4 for bytes. */
  readonly lanes: number;
}
const WORD = { loadLane: "v128.load32_lane", storeLane: "v128.store32_lane", lanes: 1 } as const;
const BYTE: Access = {
  load: "i32.load8_u",
  store: "i32.store8",
  loadLane: "v128.load8_lane",
  storeLane: "v128.store8_lane",
  lanes: 4,
};
const FLOAT: Access = { ...WORD, load: "f32.load", store: "f32.store" };
const ACCESS: Readonly<Record<DType, Access>> = {
  f32: FLOAT,
  // Never reached: the target has no f64, and `typeOf` throws first.
  f64: FLOAT,
  i32: { ...WORD, load: "i32.load", store: "i32.store" },
  u8: BYTE,
  bool: BYTE,
};

export class MemoryCode {
  constructor(private readonly emitter: Emitter) {}

  private addressOf(buffer: string, memory: DType, index: Index): Address {
    const { scope, addresses } = this.emitter;
    return addresses.addressOf(buffer, scaled(scope.form(index), sizeOf(memory)));
  }

  /** Pushes the base of an address. */
  private pushBase({ base }: Address): void {
    this.emitter.push(instruction("local.get", base.local));
  }

  /** Emits an access to an address whose base is on the stack; its constant becomes the offset of the instruction. */
  private access(op: Op, { base, constant }: Address, ...lane: number[]): void {
    const emitted = instruction(op, 0, ...lane);
    base.uses.push({ instruction: emitted, constant });
    this.emitter.push(emitted);
  }

  // Loads.

  load(e: LoadExpr): void {
    const type = typeOf(e);
    if (e.lanes === 1) {
      this.scalar(e, type);
    } else if (e.stride !== 1 || e.indirect) this.gather(e);
    else this.loadContiguous(e);
  }

  /**
   * Pushes a scalar load broadcast to all lanes by one instruction; false, and nothing emitted, if there is no such
   * instruction.
   */
  loadSplat(e: LoadExpr): boolean {
    if (sizeOf(e.memory) !== 4 || e.indirect) return false;
    const address = this.addressOf(e.buffer, e.memory, e.index);
    const emitLoad = () => {
      this.pushBase(address);
      this.access("v128.load32_splat", address);
    };
    this.emitter.branch(this.emitter.guard(e.guard), "v128", emitLoad, () => this.emitter.push(splatConstant(0)));
    return true;
  }

  private scalar(e: LoadExpr, type: ValueType): void {
    const { emitter } = this;
    const address = this.addressOf(e.buffer, e.memory, e.index);
    const register = e.indirect ? emitter.inLocal(e.indirect.value) : null;
    const tests: Test[] = [emitter.guard(e.guard)];
    if (e.indirect && register) tests.push(inRange([instruction("local.get", register.local)], e.indirect.extent));
    const emitLoad = () => {
      this.pushBase(address);
      if (e.indirect && register)
        this.addOffset([instruction("local.get", register.local)], e.indirect.step * sizeOf(e.memory));
      this.access(ACCESS[e.memory].load, address);
      if (e.memory === "bool") emitter.push(instruction("i32.const", 0), instruction("i32.ne"));
    };
    const zero = () => emitter.push(instruction(type === "f32" ? "f32.const" : "i32.const", 0));
    emitter.branch(emitter.all(tests), type, emitLoad, zero);
    if (register?.owned) emitter.fn.release(register.local);
  }

  /** Adds `count` · `bytes` to the address on the stack. */
  private addOffset(count: Code, bytes: number): void {
    this.emitter.push(...count, instruction("i32.const", bytes), instruction("i32.mul"), instruction("i32.add"));
  }

  /** A vector load whose lanes are contiguous in memory. */
  private loadContiguous(e: LoadExpr): void {
    const { emitter } = this;
    const address = this.addressOf(e.buffer, e.memory, at(e.index, 0));
    const contiguous = () => {
      this.pushBase(address);
      if (sizeOf(e.memory) === 4) this.access("v128.load", address);
      else {
        this.access("v128.load32_zero", address);
        emitter.push(instruction("i16x8.extend_low_i8x16_u"), instruction("i32x4.extend_low_i16x8_u"));
        if (e.memory === "bool") this.toMask();
      }
    };
    if (!e.uneven) emitter.branch(emitter.guard(e.guard), "v128", contiguous, () => emitter.push(splatConstant(0)));
    else emitter.branch(this.allLanes(e.guard), "v128", contiguous, () => this.gather(e));
  }

  /** Converts lanes of 0 / 1 to a mask of 0 / -1. */
  private toMask(): void {
    this.emitter.push(splatConstant(0));
    this.emitter.push(instruction("i32x4.ne"));
  }

  /** The condition that a guard holds in all lanes; false if an index has another lane stride than 0 or 1. */
  private allLanes(guard: Guard): Test {
    const strides = guard.map(({ index }) => ix.strideOf(index, LANE));
    if (strides.some((stride) => stride !== 0 && stride !== 1)) return false;
    return this.emitter.all(
      guard.map(({ index, extent }, i) =>
        strides[i] === 0 ? this.emitter.bound(index, extent) : this.emitter.bound(at(index, 0), extent - (LANES - 1)),
      ),
    );
  }

  /** The condition that a guard holds in one lane. */
  private lane(guard: Guard, lane: number): Test {
    return this.emitter.guard(guard.map(({ index, extent }) => ({ index: at(index, lane), extent })));
  }

  private gather(e: LoadExpr): void {
    const { emitter } = this;
    const { loadLane, lanes: wide } = ACCESS[e.memory];
    const { indirect } = e;
    const result = emitter.fn.allocate("v128");
    const register = indirect ? emitter.inLocal(indirect.value) : null;
    const indirectAt = (lane: number): Code =>
      indirect && register
        ? [
            instruction("local.get", register.local),
            ...(indirect.value.lanes > 1 ? [instruction("i32x4.extract_lane", lane)] : []),
          ]
        : [];
    emitter.push(splatConstant(0));
    emitter.push(instruction("local.set", result));
    for (const lane of lanes) {
      const tests = [this.lane(e.guard, lane)];
      if (indirect) tests.push(inRange(indirectAt(lane), indirect.extent));
      const address = this.addressOf(e.buffer, e.memory, at(e.index, lane));
      emitter.branch(emitter.all(tests), "none", () => {
        this.pushBase(address);
        if (indirect) this.addOffset(indirectAt(lane), indirect.step * sizeOf(e.memory));
        emitter.push(instruction("local.get", result));
        this.access(loadLane, address, lane * wide);
        emitter.push(instruction("local.set", result));
      });
    }
    emitter.push(instruction("local.get", result));
    if (e.memory === "bool") this.toMask();
    emitter.fn.release(result);
    if (register?.owned) emitter.fn.release(register.local);
  }

  // Stores.

  store(s: Store): void {
    const { emitter } = this;
    if (s.value.lanes === 1) {
      const address = this.addressOf(s.buffer, s.memory, s.index);
      emitter.branch(emitter.guard(s.guard), "none", () => {
        this.pushBase(address);
        emitter.value(s.value);
        this.access(ACCESS[s.memory].store, address);
      });
      return;
    }
    const uneven = s.guard.some(({ index }) => ix.depends(index, LANE));
    if (s.stride === 1 && !uneven) {
      emitter.branch(emitter.guard(s.guard), "none", () => this.storeContiguous(s, () => emitter.value(s.value)));
      return;
    }
    const { local, owned } = emitter.inLocal(s.value);
    const get = () => emitter.push(instruction("local.get", local));
    const all = s.stride === 1 ? this.allLanes(s.guard) : false;
    emitter.branch(
      all,
      "none",
      () => this.storeContiguous(s, get),
      () => this.storeByLane(s, get),
    );
    if (owned) emitter.fn.release(local);
  }

  /** Pushes the vector to store; masks are converted from lanes of 0 / -1 to 0 / 1. */
  private pushStored(s: Store, push: () => void): void {
    push();
    if (s.memory !== "bool") return;
    this.emitter.push(splatConstant(1));
    this.emitter.push(instruction("v128.and"));
  }

  private storeContiguous(s: Store, push: () => void): void {
    const { emitter } = this;
    const address = this.addressOf(s.buffer, s.memory, at(s.index, 0));
    this.pushBase(address);
    this.pushStored(s, push);
    if (sizeOf(s.memory) === 4) {
      this.access("v128.store", address);
      return;
    }
    // Gathers the low bytes of the lanes into the first 32-bit lane.
    this.emitter.push(splatConstant(0));
    emitter.push(instruction("i8x16.shuffle", 0, 4, 8, 12, ...Array.from({ length: 12 }, () => 16)));
    this.access("v128.store32_lane", address, 0);
  }

  private storeByLane(s: Store, push: () => void): void {
    const { emitter } = this;
    const { storeLane, lanes: wide } = ACCESS[s.memory];
    for (const lane of lanes) {
      const address = this.addressOf(s.buffer, s.memory, at(s.index, lane));
      emitter.branch(this.lane(s.guard, lane), "none", () => {
        this.pushBase(address);
        this.pushStored(s, push);
        this.access(storeLane, address, lane * wide);
      });
    }
  }
}

const inRange = (value: Code, extent: number): Code => [
  ...value,
  instruction("i32.const", extent),
  instruction("i32.lt_u"),
];
