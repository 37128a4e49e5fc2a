/** What only an operator may do: where the service asks for the token, this asks the reader, and keeps it no longer than the page. */

const dialog = document.querySelector('#operator');
const form = document.querySelector('#operator-form');
const field = document.querySelector('#operator-token');
const why = document.querySelector('#operator-why');
const explanation = why.textContent;
const { api, retry } = document.body.dataset;

/** Whether this service has operators at all. */
export const canRetry = retry !== 'off';

let token = '';

/** Resolves with what was given, or with nothing when the reader gives up. */
function askForToken(isWrong) {
  why.textContent = isWrong ? 'That is not the operator token of this service.' : explanation;
  field.value = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'given' ? field.value.trim() : ''), { once: true });
  });
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  dialog.close('given');
});
document.querySelector('#operator-cancel').addEventListener('click', () => dialog.close(''));

/** Sends a token back to its beginning; gives whether it is done, and the sentence for the reader. */
export async function retryAsOperator(id) {
  try {
    let response;
    let isWrong = false;
    if (retry === 'open' || token !== '') response = await send(id);
    // bounded by: the reader, who may give up
    while (response === undefined || response.status === 401) {
      token = await askForToken(isWrong);
      if (token === '') return { isDone: false, message: '' };
      response = await send(id);
      isWrong = true;
    }
    if (response.ok) return { isDone: true, message: 'It begins anew.' };
    const { message } = await response.json();
    return { isDone: false, message };
  } catch {
    return { isDone: false, message: 'The service could not be reached.' };
  }
}

function send(id) {
  return fetch(`${api}/tokens/${id}/retry`, { method: 'POST', headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
}
