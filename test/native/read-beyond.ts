/** Reads the last byte of a guarded buffer, or as many bytes beyond it as the argument says. */
import { Assembler } from '../../src/codegen/x64/assembler.ts'
import { byte, rax, rdi } from '../../src/codegen/x64/operands.ts'
import { CodePages, guardedBytes } from '../../src/runtime/native/memory.ts'

const a = new Assembler()
a.movzx(rax.d, byte(rdi))
a.ret()
const load = new CodePages(a.finish()).functionAt(0, 'int', 'uintptr_t')
load(guardedBytes(100).address + 99 + Number(process.argv[2]))
