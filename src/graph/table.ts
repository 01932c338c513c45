import type { Op } from './node.ts'
import * as activation from './ops/activation.ts'
import * as arithmetic from './ops/arithmetic.ts'
import { attentionGradientOp, attentionLogSumExpOp, attentionOp } from './ops/attention.ts'
import * as binaryLoss from './ops/binary-loss.ts'
import * as composite from './ops/composite.ts'
import { contractOp } from './ops/contract.ts'
import { convOp } from './ops/conv.ts'
import { cumulativeOp } from './ops/cumulative.ts'
import { barrierOp, checkpointOp, customOp } from './ops/custom.ts'
import * as dropout from './ops/dropout.ts'
import * as embedding from './ops/embedding.ts'
import { argSortOp, gatherOp, scatterOp } from './ops/indexing.ts'
import { assignOp, bufferOp, constantOp, iotaOp, randomBitsOp, scalarOp } from './ops/leaves.ts'
import * as logic from './ops/logic.ts'
import * as loss from './ops/loss.ts'
import * as normalization from './ops/normalization.ts'
import * as pooling from './ops/pooling.ts'
import { argReduceOp, reduceOp } from './ops/reduce.ts'
import { rotaryOp } from './ops/rotary.ts'
import { scanOp } from './ops/scan.ts'
import * as statistics from './ops/statistics.ts'
import * as transcendental from './ops/transcendental.ts'
import { broadcastOp, concatOp, flipOp, padOp, permuteOp, reshapeOp, sliceOp } from './ops/views.ts'
import { argPoolOp, foldOp, windowOp } from './ops/windows.ts'
import { writeAtOp } from './ops/write-at.ts'

function opsOf(module: object): Op[] {
  const found: Op[] = []
  for (const member of Object.values(module)) {
    const op = isOp(member) ? member : (member as { op?: Op } | undefined)?.op
    if (op) found.push(op)
  }
  return found
}

function isOp(member: unknown): member is Op {
  return typeof member === 'object' && member !== null && 'infer' in member
}

/** The op table: every operation a graph can hold, by name. */
export const opTable: ReadonlyMap<string, Op> = new Map(
  [
    ...[bufferOp, constantOp, scalarOp, iotaOp, assignOp, randomBitsOp],
    ...[reshapeOp, permuteOp, broadcastOp, sliceOp, padOp, flipOp, concatOp, windowOp, foldOp],
    ...opsOf(arithmetic),
    ...opsOf(transcendental),
    ...opsOf(logic),
    ...[reduceOp, argReduceOp, cumulativeOp, argSortOp, argPoolOp],
    ...[contractOp, convOp, gatherOp, scatterOp, writeAtOp],
    ...[composite, statistics, activation, normalization, pooling, dropout, embedding, loss, binaryLoss].flatMap(opsOf),
    ...[attentionOp, attentionLogSumExpOp, attentionGradientOp, rotaryOp],
    ...[scanOp, customOp, checkpointOp, barrierOp],
  ].map((op) => [op.name, op as Op]),
)
