/**
 * The generated code that runs plans. `run` is called by JavaScript, `worker` is the start routine of every other thread. Each thread walks the
 * plan table, takes chunks and meets the others at a barrier after every phase.
 *
 * The chunks of a phase are dealt out in equal runs, one a thread, so that from one run of a plan to the next a thread meets what is in its own
 * caches; whoever is done with its own run goes on with those of the others. Each run has an atomic counter.
 *
 * Waiting: spin with PAUSE for the time in `control.spin`, then sleep on a futex. A waker calls the system only when a sleeper is counted.
 * Sleeper counts go up before the last look at the word, and wakers change the word before they read the count; both are locked
 * instructions, so no wake-up is lost.
 */
import { Assembler } from '../../codegen/x64/assembler.ts'
import { emitEntry } from '../../codegen/x64/calling-convention.ts'
import {
  dword,
  type Label,
  mem,
  qword,
  r8,
  r10,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from '../../codegen/x64/operands.ts'
import { HEADER_BYTES, header, KERNEL_BYTES, kernel, PHASE_BYTES, phase } from './plan-table.ts'

/** The page that all threads share, by offset. What different threads write lies in different cache lines. */
export const control = {
  /** 32-bit: number of launches · 256 + number of threads that take part. Futex of idle workers. */
  launch: 0,
  launchSleepers: 4,
  /** Address of the plan table; 0 tells the workers to end. */
  plan: 8,
  /** Threads that have reached the barrier. */
  arrived: 128,
  /** 32-bit: number of barriers passed. Futex of threads that wait at one. */
  barrier: 192,
  barrierSleepers: 196,
  /** What the last thread at the barrier decided: 0 go on, else the status with which the run ends. */
  verdict: 200,
  /** Set from outside: no thread takes another chunk. */
  stop: 256,
  /** 1 from before an asynchronous run is queued until it ends. */
  busy: 260,
  /** Time-stamp ticks to spin before sleeping. */
  spin: 320,
  /** How many chunks have been taken of each thread's run, a line of the cache apart. */
  taken: 4096,
} as const

/** `control.launch` counts the threads in eight bits. */
export const MAX_THREADS = 255

/** Bytes of a counter, as a power of two, and of everything up to the last thread's. */
const COUNTER_SHIFT = 6
export const CONTROL_BYTES: number = control.taken + (MAX_THREADS << COUNTER_SHIFT)

/** Round to nearest, all exceptions masked, denormals flushed (FTZ) and read as zero (DAZ). */
const MXCSR_FLUSH = 0x9fc0

const SYS_FUTEX = 202
const FUTEX_WAIT_PRIVATE = 128
const FUTEX_WAKE_PRIVATE = 129

export interface DriverCode {
  readonly code: Uint8Array<ArrayBuffer>
  /** `int run(control, table, threads)`: runs a plan with the calling thread as number 0; returns the status. */
  readonly run: number
  /** `void launch(control, threads)`: lets workers 1 to threads − 1 look at `control.plan`. */
  readonly launch: number
  /** `void *worker(control + number)`: the start routine of a thread; the page address leaves the low 12 bits free. */
  readonly worker: number
  /** `uint64 ticks()`: the time-stamp counter. */
  readonly ticks: number
}

export function generateDriver(): DriverCode {
  const a = new Assembler()
  const walk = a.label()
  const wait = a.label()
  const wake = a.label()
  const launchWorkers = a.label()
  const verdict = a.label()

  const entry = (body: () => void): number => {
    a.align(64)
    const offset = a.length
    emitEntry(a, 'systemV', body)
    return offset
  }
  const run = entry(() => emitRun(a, walk, launchWorkers))
  const launch = entry(() => {
    a.mov(rbx, rdi)
    a.mov(rcx.d, rsi.d)
    a.call(launchWorkers)
  })
  const worker = entry(() => emitWorker(a, walk, wait))
  const ticks = entry(() => emitTicks(a))
  emitWalk(a, walk, wait, wake, verdict)
  emitVerdict(a, verdict)
  emitLaunch(a, launchWorkers, wake)
  emitWait(a, wait)
  emitWake(a, wake)
  return { code: a.finish(), run, launch, worker, ticks }
}

/** rax = time-stamp counter; changes rdx. */
function emitTicks(a: Assembler): void {
  a.rdtsc()
  a.shl(rdx, 32)
  a.or(rax, rdx)
}

function emitRun(a: Assembler, walk: Label, launchWorkers: Label): void {
  const alone = a.label()
  a.mov(rbx, rdi)
  a.mov(r12, rsi)
  a.mov(rcx.d, rdx.d)
  a.xor(r13.d, r13.d)
  a.sub(rsp, 16)
  a.stmxcsr(mem(rsp))
  a.mov(dword(rsp, 4), MXCSR_FLUSH)
  a.ldmxcsr(mem(rsp, 4))
  a.mov(qword(r12, header.errorCode), 0)
  emitReset(a)
  a.cmp(rcx.d, 1)
  a.jbe(alone)
  // A plan without a barrier must not be launched: nothing would hold back the next launch.
  a.cmp(qword(r12, header.phases), 0)
  a.je(alone)
  a.mov(mem(rbx, control.plan), r12)
  a.mov(mem(rsp, 8), rcx)
  a.call(launchWorkers)
  a.mov(rcx, mem(rsp, 8))
  a.bind(alone)
  a.call(walk)
  a.mov(mem(r12, header.status), rax)
  a.mov(dword(rbx, control.busy), 0)
  a.ldmxcsr(mem(rsp))
  a.add(rsp, 16)
}

/** Nothing of any run is taken. ecx: number of threads, at least 1; keeps it. Changes rax and rdx. */
function emitReset(a: Assembler): void {
  a.lea(rax, mem(rbx, control.taken))
  a.mov(rdx.d, rcx.d)
  const next = a.here()
  a.mov(qword(rax), 0)
  a.add(rax, 1 << COUNTER_SHIFT)
  a.dec(rdx.d)
  a.jne(next)
}

/** Takes part in every launch that counts it in, until a launch without a plan. */
function emitWorker(a: Assembler, walk: Label, wait: Label): void {
  const end = a.label()
  a.mov(rbx, rdi)
  a.and(rbx, -4096)
  a.mov(r13.d, rdi.d)
  a.and(r13.d, 4095)
  a.sub(rsp, 16)
  a.mov(dword(rsp), MXCSR_FLUSH)
  a.ldmxcsr(mem(rsp))
  a.add(rsp, 16)
  // The launch word seen last. Threads are only created while it is 0.
  a.xor(r14.d, r14.d)
  const idle = a.here()
  a.lea(rdi, mem(rbx, control.launch))
  a.mov(rsi.d, r14.d)
  a.lea(rdx, mem(rbx, control.launchSleepers))
  a.call(wait)
  a.mov(r14.d, mem(rbx, control.launch))
  a.movzx(rcx.d, r14.b)
  a.cmp(r13.d, rcx.d)
  a.jae(idle)
  a.mov(r12, mem(rbx, control.plan))
  a.test(r12, r12)
  a.je(end)
  a.call(walk)
  a.jmp(idle)
  a.bind(end)
  a.xor(rax.d, rax.d)
}

/**
 * Walks the table in r12 as thread r13 of ecx; returns the status in rax. rbx: control. Keeps rbx and r12 to r14.
 * Stack: 0 end of the phase records, 8 chunks of this phase, 16 number of threads, 24 whose run chunks are taken from, 28 runs not looked at
 * yet, 32 and 40 the first chunk of that run and the first one beyond it.
 */
function emitWalk(a: Assembler, walk: Label, wait: Label, wake: Label, verdict: Label): void {
  const finished = a.label()
  const barrier = a.label()
  const alone = a.label()
  const decided = a.label()
  const sleep = a.label()
  const out = a.label()
  const nextPhase = a.label()

  a.align(64)
  a.bind(walk)
  a.push(r14)
  a.sub(rsp, 48)
  a.mov(mem(rsp, 16), rcx.d)
  a.lea(r14, mem(r12, HEADER_BYTES))
  a.mov(rax, mem(r12, header.phases))
  a.imul(rax, rax, PHASE_BYTES)
  a.add(rax, r14)
  a.mov(mem(rsp), rax)

  // r14: phase record, r15: kernel record, rbp: chunks of the kernels before it.
  a.bind(nextPhase)
  a.cmp(r14, mem(rsp))
  a.jae(finished)
  a.mov(rax, mem(r14, phase.chunks))
  a.mov(mem(rsp, 8), rax)
  a.add(r14, PHASE_BYTES)
  a.mov(mem(rsp, 24), r13.d)
  a.mov(rcx.d, mem(rsp, 16))
  a.mov(mem(rsp, 28), rcx.d)

  // Of n chunks run t of T begins at ⌈t · n / T⌉.
  const takeRun = a.here()
  const bound = (after: 0 | 1): void => {
    a.mov(rax.d, mem(rsp, 24))
    if (after === 1) a.add(rax, 1)
    a.mov(rdx, mem(rsp, 8))
    a.imul(rax, rdx)
    a.add(rax, rcx)
    a.sub(rax, 1)
    a.xor(rdx.d, rdx.d)
    a.div(rcx)
  }
  a.mov(r15, mem(r14, phase.kernels - PHASE_BYTES))
  a.add(r15, r12)
  a.xor(rbp.d, rbp.d)
  a.mov(rcx.d, mem(rsp, 16))
  bound(0)
  a.mov(mem(rsp, 32), rax)
  bound(1)
  a.mov(mem(rsp, 40), rax)

  const takeChunk = a.here()
  const found = a.label()
  const nextRun = a.label()
  const look = a.label()
  a.cmp(dword(rbx, control.stop), 0)
  a.jne(barrier)
  a.mov(rcx.d, mem(rsp, 24))
  a.shl(rcx, COUNTER_SHIFT)
  a.add(rcx, rbx)
  a.mov(rax.d, 1)
  a.lock()
  a.xadd(mem(rcx, control.taken), rax)
  a.add(rax, mem(rsp, 32))
  a.cmp(rax, mem(rsp, 40))
  a.jae(nextRun)
  // Within a run chunk numbers only grow, so the kernel that holds this one is here or further on.
  const find = a.here()
  a.mov(rcx, mem(r15, kernel.end))
  a.cmp(rax, rcx)
  a.jb(found)
  a.mov(rbp, rcx)
  a.add(r15, KERNEL_BYTES)
  a.jmp(find)
  a.bind(found)
  a.mov(rsi, rax)
  a.sub(rsi, rbp)
  a.mov(rdi, mem(r15, kernel.arguments))
  a.mov(rdx, r13)
  a.call(mem(r15, kernel.function))
  a.jmp(takeChunk)

  a.bind(nextRun)
  a.dec(dword(rsp, 28))
  a.je(barrier)
  a.mov(rax.d, mem(rsp, 24))
  a.add(rax.d, 1)
  a.cmp(rax.d, mem(rsp, 16))
  a.jb(look)
  a.xor(rax.d, rax.d)
  a.bind(look)
  a.mov(mem(rsp, 24), rax.d)
  a.jmp(takeRun)

  // The counters lie in lines of all threads; behind the last phase the next run resets them.
  const resetForNextPhase = (): void => {
    const isLast = a.label()
    a.cmp(r14, mem(rsp))
    a.jae(isLast)
    emitReset(a)
    a.bind(isLast)
  }
  a.bind(barrier)
  a.mov(rcx.d, mem(rsp, 16))
  a.cmp(rcx.d, 1)
  a.jbe(alone)
  a.mov(rsi.d, mem(rbx, control.barrier))
  a.mov(rax.d, 1)
  a.lock()
  a.xadd(mem(rbx, control.arrived), rax.d)
  a.add(rax.d, 1)
  a.cmp(rax.d, rcx.d)
  a.jne(sleep)
  // The last one decides for all, so that all take the same way.
  a.mov(dword(rbx, control.arrived), 0)
  resetForNextPhase()
  a.call(verdict)
  a.mov(mem(rbx, control.verdict), rax.d)
  a.lock()
  a.inc(dword(rbx, control.barrier))
  a.cmp(dword(rbx, control.barrierSleepers), 0)
  a.je(decided)
  a.lea(rdi, mem(rbx, control.barrier))
  a.call(wake)
  a.bind(decided)
  a.mov(rax.d, mem(rbx, control.verdict))
  a.test(rax.d, rax.d)
  a.je(nextPhase)
  a.jmp(out)

  a.bind(sleep)
  a.lea(rdi, mem(rbx, control.barrier))
  a.lea(rdx, mem(rbx, control.barrierSleepers))
  a.call(wait)
  a.jmp(decided)

  // Workers may still be on their way out of the barrier before: control.verdict is theirs.
  a.bind(alone)
  resetForNextPhase()
  a.call(verdict)
  a.test(rax.d, rax.d)
  a.je(nextPhase)
  a.jmp(out)

  a.bind(finished)
  a.xor(rax.d, rax.d)
  a.bind(out)
  a.add(rsp, 48)
  a.pop(r14)
  a.ret()
}

/** rax = 1 if a kernel reported an error, 2 if the run is to stop, else 0. */
function emitVerdict(a: Assembler, verdict: Label): void {
  const done = a.label()
  a.align(16)
  a.bind(verdict)
  a.mov(rax.d, 1)
  a.cmp(dword(r12, header.errorCode), 0)
  a.jne(done)
  a.mov(rax.d, 2)
  a.cmp(dword(rbx, control.stop), 0)
  a.jne(done)
  a.xor(rax.d, rax.d)
  a.bind(done)
  a.ret()
}

/** Counts a launch with ecx threads and wakes the workers that sleep. */
function emitLaunch(a: Assembler, launchWorkers: Label, wake: Label): void {
  const awake = a.label()
  a.align(16)
  a.bind(launchWorkers)
  a.mov(rax.d, mem(rbx, control.launch))
  a.and(rax.d, -256)
  a.add(rax.d, 256)
  a.or(rax.d, rcx.d)
  a.xchg(mem(rbx, control.launch), rax.d)
  a.cmp(dword(rbx, control.launchSleepers), 0)
  a.je(awake)
  a.lea(rdi, mem(rbx, control.launch))
  a.call(wake)
  a.bind(awake)
  a.ret()
}

/** Waits until the 32-bit word at rdi is no longer esi. rdx: address of the count of sleepers. Changes rax, rcx, rdx, r8, r10, r11. */
function emitWait(a: Assembler, wait: Label): void {
  const done = a.label()
  const awake = a.label()
  a.align(64)
  a.bind(wait)
  a.cmp(mem(rdi), rsi.d)
  a.jne(done)
  a.mov(r10, rdx)
  emitTicks(a)
  a.mov(r8, rax)
  a.add(r8, mem(rbx, control.spin))
  const spin = a.here()
  a.pause()
  a.cmp(mem(rdi), rsi.d)
  a.jne(done)
  emitTicks(a)
  a.cmp(rax, r8)
  a.jb(spin)

  a.mov(r8, r10)
  a.lock()
  a.inc(dword(r8))
  a.push(rsi)
  const again = a.here()
  a.mov(rdx, mem(rsp))
  a.cmp(mem(rdi), rdx.d)
  a.jne(awake)
  // Returns when woken, when the word has already changed, or on a signal: look again in every case.
  a.mov(rax.d, SYS_FUTEX)
  a.mov(rsi.d, FUTEX_WAIT_PRIVATE)
  a.xor(r10.d, r10.d)
  a.syscall()
  a.jmp(again)
  a.bind(awake)
  a.pop(rsi)
  a.lock()
  a.dec(dword(r8))
  a.bind(done)
  a.ret()
}

/** Wakes all who sleep on the word at rdi. */
function emitWake(a: Assembler, wake: Label): void {
  a.align(16)
  a.bind(wake)
  a.mov(rax.d, SYS_FUTEX)
  a.mov(rsi.d, FUTEX_WAKE_PRIVATE)
  a.mov(rdx.d, 0x7fffffff)
  a.xor(r10.d, r10.d)
  a.syscall()
  a.ret()
}
