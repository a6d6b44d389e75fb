/**
 * Loads and stores of elements and vectors. Memory is touched only where guards hold; vectors whose lanes lie elsewhere
 * than side by side, or are guarded one by one, go lane by lane.
 */
import { type DType, sizeOf } from "../../ir/dtype.js";
import type { Guard, Index } from "../../ir/index-math.js";
import * as ix from "../../ir/index-math.js";
import { type Expr, LANE, type Load, type Stmt } from "../../ir/loops.js";
import { type Code, instruction } from "./code.js";
import { scaled } from "./form.js";
import type { Op, ValueType } from "./instructions.js";
import type { Place } from "./places.js";
import { at, type Emitter, LANES, lanes, type Test, typeOf } from "./values.js";

type LoadExpr = Expr & Load;
type Store = Stmt & { readonly kind: "store" };

interface Access {
  readonly load: Op;
  readonly store: Op;
  readonly loadLane: Op;
  readonly storeLane: Op;
  /** Lanes of an access by lane in one lane of 32 bits. */
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
  // There is no such memory on the target: typeOf refuses f64 before it is accessed.
  f64: FLOAT,
  i32: { ...WORD, load: "i32.load", store: "i32.store" },
  u8: BYTE,
  bool: BYTE,
};

export class MemoryCode {
  constructor(private readonly emitter: Emitter) {}

  private place(buffer: string, memory: DType, index: Index): Place {
    const { names, places } = this.emitter;
    return places.address(buffer, scaled(names.form(index), sizeOf(memory)));
  }

  /** Puts the base of a place on the stack. */
  private point({ base }: Place): void {
    this.emitter.push(instruction("local.get", base.local));
  }

  /** The instruction that accesses a place whose base is on the stack. */
  private access(op: Op, { base, constant }: Place, ...lane: number[]): void {
    const made = instruction(op, 0, ...lane);
    base.uses.push({ instruction: made, constant });
    this.emitter.push(made);
  }

  // Loads.

  load(e: LoadExpr): void {
    const type = typeOf(e);
    if (e.lanes === 1) {
      this.scalar(e, type);
    } else if (e.stride !== 1 || e.pick) this.gather(e);
    else this.row(e);
  }

  /** A scalar in all lanes, where one instruction loads it so; returns false where none does. */
  splatted(e: LoadExpr): boolean {
    if (sizeOf(e.memory) !== 4 || e.pick) return false;
    const place = this.place(e.buffer, e.memory, e.index);
    const yes = () => {
      this.point(place);
      this.access("v128.load32_splat", place);
    };
    this.emitter.choose(this.emitter.guard(e.guard), "v128", yes, () => this.emitter.everywhere(0));
    return true;
  }

  private scalar(e: LoadExpr, type: ValueType): void {
    const { emitter } = this;
    const place = this.place(e.buffer, e.memory, e.index);
    const picked = e.pick ? emitter.held(e.pick.value) : null;
    const tests: Test[] = [emitter.guard(e.guard)];
    if (e.pick && picked) tests.push(within([instruction("local.get", picked.local)], e.pick.extent));
    const yes = () => {
      this.point(place);
      if (e.pick && picked) this.move([instruction("local.get", picked.local)], e.pick.step * sizeOf(e.memory));
      this.access(ACCESS[e.memory].load, place);
      if (e.memory === "bool") emitter.push(instruction("i32.const", 0), instruction("i32.ne"));
    };
    const zero = () => emitter.push(instruction(type === "f32" ? "f32.const" : "i32.const", 0));
    emitter.choose(emitter.all(tests), type, yes, zero);
    if (picked?.borrowed) emitter.fn.giveBack(picked.local);
  }

  /** Moves the address on the stack by a number of steps. */
  private move(count: Code, bytes: number): void {
    this.emitter.push(...count, instruction("i32.const", bytes), instruction("i32.mul"), instruction("i32.add"));
  }

  /** Lanes side by side. */
  private row(e: LoadExpr): void {
    const { emitter } = this;
    const place = this.place(e.buffer, e.memory, at(e.index, 0));
    const whole = () => {
      this.point(place);
      if (sizeOf(e.memory) === 4) this.access("v128.load", place);
      else {
        this.access("v128.load32_zero", place);
        emitter.push(instruction("i16x8.extend_low_i8x16_u"), instruction("i32x4.extend_low_i16x8_u"));
        if (e.memory === "bool") this.asMask();
      }
    };
    if (!e.uneven) emitter.choose(emitter.guard(e.guard), "v128", whole, () => emitter.everywhere(0));
    else emitter.choose(this.allLanes(e.guard), "v128", whole, () => this.gather(e));
  }

  private asMask(): void {
    this.emitter.everywhere(0);
    this.emitter.push(instruction("i32x4.ne"));
  }

  /** Whether a guard holds for all lanes, if its bounds are the same in all lanes or move with them; else false. */
  private allLanes(guard: Guard): Test {
    const strides = guard.map(({ index }) => ix.strideOf(index, LANE));
    if (strides.some((stride) => stride !== 0 && stride !== 1)) return false;
    return this.emitter.all(
      guard.map(({ index, extent }, i) =>
        strides[i] === 0 ? this.emitter.bound(index, extent) : this.emitter.bound(at(index, 0), extent - (LANES - 1)),
      ),
    );
  }

  private lane(guard: Guard, lane: number): Test {
    return this.emitter.guard(guard.map(({ index, extent }) => ({ index: at(index, lane), extent })));
  }

  private gather(e: LoadExpr): void {
    const { emitter } = this;
    const { loadLane, lanes: wide } = ACCESS[e.memory];
    const { pick } = e;
    const result = emitter.fn.borrow("v128");
    const picked = pick ? emitter.held(pick.value) : null;
    const pickedAt = (lane: number): Code =>
      pick && picked
        ? [
            instruction("local.get", picked.local),
            ...(pick.value.lanes > 1 ? [instruction("i32x4.extract_lane", lane)] : []),
          ]
        : [];
    emitter.everywhere(0);
    emitter.push(instruction("local.set", result));
    for (const lane of lanes) {
      const tests = [this.lane(e.guard, lane)];
      if (pick) tests.push(within(pickedAt(lane), pick.extent));
      const place = this.place(e.buffer, e.memory, at(e.index, lane));
      emitter.choose(emitter.all(tests), "none", () => {
        this.point(place);
        if (pick) this.move(pickedAt(lane), pick.step * sizeOf(e.memory));
        emitter.push(instruction("local.get", result));
        this.access(loadLane, place, lane * wide);
        emitter.push(instruction("local.set", result));
      });
    }
    emitter.push(instruction("local.get", result));
    if (e.memory === "bool") this.asMask();
    emitter.fn.giveBack(result);
    if (picked?.borrowed) emitter.fn.giveBack(picked.local);
  }

  // Stores.

  store(s: Store): void {
    const { emitter } = this;
    if (s.value.lanes === 1) {
      const place = this.place(s.buffer, s.memory, s.index);
      emitter.choose(emitter.guard(s.guard), "none", () => {
        this.point(place);
        emitter.value(s.value);
        this.access(ACCESS[s.memory].store, place);
      });
      return;
    }
    const uneven = s.guard.some(({ index }) => ix.depends(index, LANE));
    if (s.stride === 1 && !uneven) {
      emitter.choose(emitter.guard(s.guard), "none", () => this.storeRow(s, () => emitter.value(s.value)));
      return;
    }
    const { local, borrowed } = emitter.held(s.value);
    const get = () => emitter.push(instruction("local.get", local));
    const all = s.stride === 1 ? this.allLanes(s.guard) : false;
    emitter.choose(
      all,
      "none",
      () => this.storeRow(s, get),
      () => this.storeLanes(s, get),
    );
    if (borrowed) emitter.fn.giveBack(local);
  }

  /** Truth values are stored as 0 and 1. */
  private bits(s: Store, push: () => void): void {
    push();
    if (s.memory !== "bool") return;
    this.emitter.everywhere(1);
    this.emitter.push(instruction("v128.and"));
  }

  private storeRow(s: Store, push: () => void): void {
    const { emitter } = this;
    const place = this.place(s.buffer, s.memory, at(s.index, 0));
    this.point(place);
    this.bits(s, push);
    if (sizeOf(s.memory) === 4) {
      this.access("v128.store", place);
      return;
    }
    // The low bytes of the lanes side by side.
    this.emitter.everywhere(0);
    emitter.push(instruction("i8x16.shuffle", 0, 4, 8, 12, ...Array.from({ length: 12 }, () => 16)));
    this.access("v128.store32_lane", place, 0);
  }

  private storeLanes(s: Store, push: () => void): void {
    const { emitter } = this;
    const { storeLane, lanes: wide } = ACCESS[s.memory];
    for (const lane of lanes) {
      const place = this.place(s.buffer, s.memory, at(s.index, lane));
      emitter.choose(this.lane(s.guard, lane), "none", () => {
        this.point(place);
        this.bits(s, push);
        this.access(storeLane, place, lane * wide);
      });
    }
  }
}

const within = (value: Code, extent: number): Code => [
  ...value,
  instruction("i32.const", extent),
  instruction("i32.lt_u"),
];
