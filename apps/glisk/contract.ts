/** The contract of the tokens on the chain: what GLISK calls of it, and why it refuses. */
import { decodeFunctionData, encodeErrorResult, encodeFunctionResult, type Hex, parseAbi } from 'viem';

/** Its calls and errors; `tokenURI` is the one of ERC-721. @see https://eips.ethereum.org/EIPS/eip-721 */
export const contract = parseAbi([
  'function revealTokens(uint256[] tokenIds, string[] uris)',
  'function tokenURI(uint256 tokenId) view returns (string)',
  'error TokenAlreadyRevealed(uint256 tokenId)',
  'error LengthsDiffer()',
]);

/** A call of the contract, as it was encoded. */
export type ContractCall =
  | { readonly name: 'revealTokens'; readonly tokenIds: readonly number[]; readonly uris: readonly string[] }
  | { readonly name: 'tokenURI'; readonly tokenId: number };

/** Reads a call; undefined when it is none of the contract's. */
export function parseContractCall(data: Hex): ContractCall | undefined {
  try {
    const called = decodeFunctionData({ abi: contract, data });
    if (called.functionName === 'tokenURI') return { name: 'tokenURI', tokenId: Number(called.args[0]) };
    return { name: 'revealTokens', tokenIds: called.args[0].map(Number), uris: called.args[1] };
  } catch {
    // Bytes that are no call of the contract: the caller says what follows from that.
    return undefined;
  }
}

/** What `tokenURI` returns. */
export function uriResult(uri: string): Hex {
  return encodeFunctionResult({ abi: contract, functionName: 'tokenURI', result: uri });
}

/** The contract's refusal of a token that has its metadata already. */
export function alreadyRevealed(tokenId: number): Hex {
  return encodeErrorResult({ abi: contract, errorName: 'TokenAlreadyRevealed', args: [BigInt(tokenId)] });
}

/** The contract's refusal of lists of which one is longer. */
export function lengthsDiffer(): Hex {
  return encodeErrorResult({ abi: contract, errorName: 'LengthsDiffer' });
}
