/**
 * The verifier of the invariants that every pass preserves: nodes have the types that their records derive; kernels use
 * declared registers, open loop variables and declared memory, and no access leaves its buffer. It runs after each pass
 * if FOVEA_VERIFY is 1, as in tests. It must not know any pass.
 */
import { type DType, dtypes } from "../ir/dtype.js";
import { formatShape, type Node, sameShape } from "../ir/graph.js";
import type { Guard, Index, LoopVar } from "../ir/index-math.js";
import {
  type Expr,
  type Kernel,
  LANE,
  type Load,
  type Part,
  type RegisterType,
  registerOf,
  type Stmt,
  TASK,
} from "../ir/loops.js";
import { isScalar, scalarOps } from "../ir/scalar/index.js";
import { eachExpr, exprsOf } from "../ir/visit.js";
import { graph, isStructural, structuralRecord } from "../ops/index.js";
import { describeError, FoveaError } from "../util/errors.js";

/** The shape and dtype that the record of a node's op gives it. */
function derivedType(node: Node): { shape: readonly number[]; dtype: DType } {
  if (isScalar(node.op)) return graph.op(node.op, ...node.inputs);
  const record = structuralRecord(node);
  if (!record || !isStructural(node)) throw new FoveaError("there is no such op");
  return record.type(node.inputs, node.attrs, { shape: node.shape, dtype: node.dtype });
}

function checkNode(node: Node, problem: (message: string) => FoveaError): void {
  if (node.shape.some((n) => !Number.isInteger(n) || n < 0)) throw problem(`has the shape ${formatShape(node.shape)}`);
  if (!dtypes.includes(node.dtype)) throw problem(`has the dtype ${node.dtype}`);
  let derived: ReturnType<typeof derivedType>;
  try {
    derived = derivedType(node);
  } catch (error) {
    throw problem(`does not fit its record: ${describeError(error)}`);
  }
  if (!sameShape(derived.shape, node.shape) || derived.dtype !== node.dtype) {
    const [found, wanted] = [node, derived].map(({ shape, dtype }) => `${dtype}${formatShape(shape)}`);
    throw problem(`is ${found}, its record says ${wanted}`);
  }
}

/**
 * Checks a graph: every operand exists, there is no cycle, and every node has the type that its record derives.
 *
 * @param stage - the pass that made the graph, for the message
 * @throws FoveaError naming stage and node
 */
export function verifyGraph(stage: string, outputs: readonly Node[]): void {
  const problem = (node: Node, message: string): FoveaError =>
    new FoveaError(`[verify] after ${stage}: node ${node.id} (${node.op}) ${message}`);
  const finished = new Map<Node, boolean>();
  const stack: Node[] = [];
  const push = (node: Node | undefined, user: Node | null, position: number): void => {
    if (!node) {
      if (user) throw problem(user, `has no operand ${position}`);
      throw new FoveaError(`[verify] after ${stage}: output ${position} is missing`);
    }
    const state = finished.get(node);
    if (state === false) throw problem(node, "needs itself");
    if (state === undefined) stack.push(node);
  };
  outputs.forEach((node, i) => {
    push(node, null, i);
  });
  while (stack.length > 0) {
    const node = stack[stack.length - 1];
    const state = finished.get(node);
    if (state !== undefined) {
      stack.pop();
      if (state) continue;
      finished.set(node, true);
      checkNode(node, (message) => problem(node, message));
      continue;
    }
    finished.set(node, false);
    // By index, since `forEach` would skip holes of the array.
    for (let i = node.inputs.length - 1; i >= 0; i--) push(node.inputs[i], node, i);
  }
}

/** The loop variables, registers and conditions in scope at a statement. */
interface Scope {
  /** Variables in scope: of a loop, or bound to an index. */
  readonly variables: ReadonlyMap<string, { readonly variable: LoopVar; readonly index: Index | null }>;
  readonly registers: Map<string, { readonly type: RegisterType; readonly lanes: number }>;
  /** Conditions of the enclosing ifs. */
  readonly guards: Guard;
}

interface Memory {
  readonly dtype: DType;
  readonly elements: number;
  readonly writable: boolean;
}

/** Sample points at which an access under a guard is evaluated. */
const SAMPLES = 48;

class KernelVerifier {
  private readonly memory = new Map<string, Memory>();
  private readonly forms = new Map<string, string>();
  private width = 1;
  private seed = 1;

  constructor(
    private readonly stage: string,
    private readonly kernel: Kernel,
  ) {}

  run(): void {
    const { buffers, scratch, parts } = this.kernel;
    for (const { name, dtype, elements, access } of buffers)
      this.declareMemory(name, dtype, elements, access === "write");
    for (const { name, dtype, elements } of scratch) this.declareMemory(name, dtype, elements, true);
    parts.forEach((part) => {
      this.part(part);
    });
  }

  private fail(message: string): never {
    throw new FoveaError(`[verify] after ${this.stage}: kernel ${this.kernel.label}: ${message}`);
  }

  private declareMemory(name: string, dtype: DType, elements: number, writable: boolean): void {
    if (this.memory.has(name)) this.fail(`${name} is declared twice`);
    this.memory.set(name, { dtype, elements, writable });
  }

  private part({ tasks, body }: Part): void {
    if (!Number.isInteger(tasks) || tasks < 0) this.fail(`a part has ${tasks} tasks`);
    const task = { name: TASK, extent: tasks };
    const variables = new Map([[TASK, { variable: task, index: null }]]);
    this.body(body, { variables, registers: new Map(), guards: [] });
  }

  private body(body: readonly Stmt[], scope: Scope): void {
    for (const s of body) {
      for (const root of exprsOf(s)) eachExpr([root], (e) => this.expression(e, scope));
      this.statement(s, scope);
    }
  }

  private statement(s: Stmt, scope: Scope): void {
    const inner = (changes: Partial<Scope>): Scope => ({ ...scope, registers: new Map(scope.registers), ...changes });
    switch (s.kind) {
      case "for":
        this.body(s.body, inner({ variables: this.withVariable(scope, s.variable, null) }));
        break;
      case "let":
        this.index(s.index, scope, 1);
        this.inside(`the name ${s.variable.name}`, s.index, 0, s.variable.extent, [], scope);
        this.body(s.body, inner({ variables: this.withVariable(scope, s.variable, s.index) }));
        break;
      case "if":
        this.guard(s.guard, scope, 1);
        this.body(s.body, inner({ guards: [...scope.guards, ...s.guard] }));
        break;
      case "indirect":
        if (s.value.kind !== "register" || s.value.lanes !== 1 || s.value.type !== "i32") {
          this.fail(`${s.variable.name} is bound to no register with a scalar i32`);
        }
        this.body(s.body, inner({ variables: this.withVariable(scope, s.variable, null) }));
        break;
      case "declare":
        if (scope.registers.has(s.name)) this.fail(`register ${s.name} is declared twice`);
        scope.registers.set(s.name, { type: s.init.type, lanes: s.init.lanes });
        break;
      case "set":
        this.checkRegister(s.name, s.value, scope);
        break;
      case "prefetch":
        if (!this.memory.has(s.buffer)) this.fail(`${s.buffer} is not declared`);
        this.index(s.index, scope, this.width);
        break;
      case "store":
        this.store(s, scope);
        break;
    }
  }

  private withVariable(scope: Scope, variable: LoopVar, index: Index | null): Scope["variables"] {
    if (scope.variables.has(variable.name)) this.fail(`loop ${variable.name} is open already`);
    if (this.memory.has(variable.name)) this.fail(`loop ${variable.name} has the name of a buffer`);
    if (!Number.isInteger(variable.extent) || variable.extent < 0)
      this.fail(`loop ${variable.name} runs ${variable.extent} times`);
    return new Map(scope.variables).set(variable.name, { variable, index });
  }

  private checkRegister(name: string, e: Expr, { registers }: Scope): void {
    const known = registers.get(name) ?? this.fail(`register ${name} is not declared`);
    if (known.type !== e.type || known.lanes !== e.lanes) {
      this.fail(`register ${name} is ${known.type}×${known.lanes}, used as ${e.type}×${e.lanes}`);
    }
  }

  /** Checks that every variable of an index is in scope, with the extent that its range was derived from. */
  private index(index: Index, scope: Scope, lanes: number): void {
    for (const { atom } of index.terms) {
      if (atom.kind !== "var") {
        this.index(atom.of, scope, lanes);
        continue;
      }
      const { name, extent } = atom.variable;
      if (name === LANE) {
        if (extent !== lanes) this.fail(`lanes run to ${extent} in a value of ${lanes}`);
        continue;
      }
      const open = scope.variables.get(name) ?? this.fail(`loop ${name} is not open`);
      if (open.variable.extent !== extent)
        this.fail(`loop ${name} runs ${open.variable.extent} times, an index counts on ${extent}`);
    }
  }

  private guard(guard: Guard, scope: Scope, lanes: number): void {
    for (const { index } of guard) this.index(index, scope, lanes);
  }

  private expression(e: Expr, scope: Scope): void {
    if (e.lanes !== 1) {
      if (this.width === 1) this.width = e.lanes;
      if (e.lanes !== this.width) this.fail(`vectors of ${this.width} and of ${e.lanes} lanes`);
    }
    const form = `${e.kind} ${e.type}×${e.lanes}`;
    const known = this.forms.get(e.key) ?? form;
    if (known !== form) this.fail(`${known} and ${form} have the same key ${e.key}`);
    this.forms.set(e.key, form);
    const expect = (holds: boolean): void => {
      if (!holds) this.fail(`${e.kind === "op" ? e.op : e.kind} does not fit its operands (${form})`);
    };
    switch (e.kind) {
      case "const":
        expect(e.lanes === 1);
        break;
      case "register":
        this.checkRegister(e.name, e, scope);
        break;
      case "index":
        this.index(e.index, scope, e.lanes);
        break;
      case "test":
        this.guard(e.guard, scope, e.lanes);
        break;
      case "load":
        this.load(e, scope);
        break;
      case "op":
        expect(this.fitsOperation(e));
        break;
      case "cast":
        expect(e.arg.lanes === e.lanes);
        break;
      case "splat":
        expect(e.arg.lanes === 1 && e.lanes > 1 && e.arg.type === e.type);
        break;
      case "fold":
        expect(e.arg.lanes > 1 && e.lanes === 1 && e.arg.type === e.type);
        break;
      case "extract":
        expect(e.arg.lanes > 1 && e.lanes === 1 && e.arg.type === e.type);
        break;
      case "unlikely":
        expect(e.test.type === "bool" && [e.usual, e.rare].every((x) => x.type === e.type));
        expect([e.test, e.usual, e.rare].every((x) => x.lanes === e.lanes));
        break;
      case "shuffle":
        expect([e.a, e.b].every((x) => x.type === e.type && x.lanes === e.lanes));
        expect(e.mask.length === e.lanes && e.mask.every((lane) => lane >= 0 && lane < 2 * e.lanes));
        break;
    }
  }

  private fitsOperation(e: Expr & { kind: "op" }): boolean {
    const { arity, result } = scalarOps[e.op];
    const values = e.op === "select" ? e.args.slice(1) : e.args;
    const [{ type }] = values;
    return (
      e.args.length === arity &&
      e.args.every(({ lanes }) => lanes === e.lanes) &&
      values.every((x) => x.type === type) &&
      (e.op !== "select" || e.args[0].type === "bool") &&
      e.type === (result === "same" ? type : registerOf(result))
    );
  }

  private memoryOf(name: string, dtype: DType): Memory {
    const known = this.memory.get(name) ?? this.fail(`${name} is not declared`);
    if (known.dtype !== dtype) this.fail(`${name} holds ${known.dtype}, accessed as ${dtype}`);
    return known;
  }

  private load(e: Expr & Load, scope: Scope): void {
    const { elements } = this.memoryOf(e.buffer, e.memory);
    if (registerOf(e.memory) !== e.type) this.fail(`${e.buffer} of ${e.memory} is loaded as ${e.type}`);
    this.index(e.index, scope, e.lanes);
    this.guard(e.guard, scope, e.lanes);
    const reach = e.indirect ? Math.max(0, e.indirect.extent - 1) * e.indirect.step : 0;
    this.inside(`a load from ${e.buffer}`, e.index, reach, elements, e.guard, scope);
  }

  private store(s: Stmt & { kind: "store" }, scope: Scope): void {
    const { elements, writable } = this.memoryOf(s.buffer, s.memory);
    if (!writable) this.fail(`a store to ${s.buffer}, which is read only`);
    if (registerOf(s.memory) !== s.value.type) this.fail(`${s.value.type} is stored into ${s.buffer} of ${s.memory}`);
    this.index(s.index, scope, s.value.lanes);
    this.guard(s.guard, scope, s.value.lanes);
    this.inside(`a store to ${s.buffer}`, s.index, 0, elements, s.guard, scope);
  }

  /**
   * Checks that an index stays in its buffer: by its range, or, under a condition, by evaluating it at sample points.
   */
  private inside(what: string, index: Index, reach: number, elements: number, guard: Guard, scope: Scope): void {
    if (index.low >= 0 && index.high + reach < elements) return;
    const range = `[${index.low}, ${index.high + reach}] of ${elements}`;
    const guards = [...scope.guards, ...guard];
    const empty = [...scope.variables.values()].some(({ variable }) => variable.extent === 0);
    if (empty) return;
    if (guards.length === 0) this.fail(`${what} reaches ${range} without a guard`);
    for (let sample = 0; sample < SAMPLES; sample++) {
      const values = this.samplePoint(scope, sample);
      const holds = guards.every((bound) => {
        const value = evaluate(bound.index, values);
        return value >= 0 && value < bound.extent;
      });
      const at = evaluate(index, values);
      if (holds && (at < 0 || at + reach >= elements)) {
        this.fail(`${what} reaches ${at + reach} of ${elements} under its guard`);
      }
    }
  }

  /** Values of the loop variables at a sample: first the ends of their ranges, then points in between. */
  private samplePoint({ variables }: Scope, sample: number): Map<string, number> {
    const values = new Map<string, number>();
    const choose = (extent: number): number => {
      this.seed = (Math.imul(this.seed, 1103515245) + 12345) >>> 0;
      const random = (this.seed >>> 8) / 2 ** 24;
      if (sample % 3 === 0) return random < 0.5 ? 0 : extent - 1;
      return Math.floor(random * extent);
    };
    values.set(LANE, choose(this.width));
    for (const [name, { variable, index }] of variables) {
      values.set(name, index ? evaluate(index, values) : choose(variable.extent));
    }
    return values;
  }
}

function evaluate(index: Index, values: ReadonlyMap<string, number>): number {
  return index.terms.reduce((sum, { atom, coefficient }) => {
    if (atom.kind === "var") return sum + coefficient * (values.get(atom.variable.name) ?? 0);
    const quotient = Math.floor(evaluate(atom.of, values) / atom.by);
    const value = atom.kind === "div" ? quotient : evaluate(atom.of, values) - atom.by * quotient;
    return sum + coefficient * value;
  }, index.offset);
}

/**
 * Checks a kernel: registers are declared before use and keep their type, loop variables are open, memory is declared,
 * only memory that may be written is, and no access leaves it.
 *
 * @param stage - the pass that made the kernel, for the message
 * @throws FoveaError naming stage and kernel
 */
export function verifyKernel(stage: string, kernel: Kernel): void {
  new KernelVerifier(stage, kernel).run();
}
